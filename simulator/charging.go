package simulator

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
)

// ChargerFault is a way in which a charger does not do what it should. All were seen in the field.
type ChargerFault string

// Faults of chargers.
const (
	StartFirst      ChargerFault = "start_first"      // StartTransaction comes before the answer to RemoteStart
	StartTwice      ChargerFault = "start_twice"      // and is sent again
	StopLost        ChargerFault = "stop_lost"        // StopTransaction is never sent
	StopRejected    ChargerFault = "stop_rejected"    // RemoteStop is rejected
	StatusFirst     ChargerFault = "status_first"     // the end is told after the connector's state
	SessionRegister ChargerFault = "session_register" // MeterValues count from 0
	KWhAsWh         ChargerFault = "kwh_as_wh"        // MeterValues are in kWh and say Wh
	NoUnit          ChargerFault = "no_unit"          // MeterValues have neither unit nor measurand
	PhasesAlone     ChargerFault = "phases_alone"     // MeterValues have the register of each phase, and no total
	BootLoop        ChargerFault = "boot_loop"        // it disconnects as soon as it has booted
	OutOfOrder      ChargerFault = "out_of_order"     // it says Faulted
	Clock1970       ChargerFault = "clock_1970"       // it does not take the kiosk's time
	NoFuse          ChargerFault = "no_fuse"          // it takes no charging profile
	IgnoresFuse     ChargerFault = "ignores_fuse"     // it takes the profile, and goes on all the same
	FreeVend        ChargerFault = "free_vend"        // it lets each vehicle charge
	ZeroAtBoot      ChargerFault = "zero_at_boot"     // the first value is 0
)

// ChargerFaults are all.
func ChargerFaults() []ChargerFault {
	return []ChargerFault{StartFirst, StartTwice, StopLost, StopRejected, StatusFirst, SessionRegister, KWhAsWh, NoUnit,
		PhasesAlone, BootLoop, OutOfOrder, Clock1970, NoFuse, IgnoresFuse, FreeVend, ZeroAtBoot}
}

// Misbehave sets the charger's faults, in place of those that it had.
func (c *Charger) Misbehave(faults ...ChargerFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = faults
}

func (c *Charger) wants(f ChargerFault) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has(f)
}

// has is wants for a caller that holds mu.
func (c *Charger) has(f ChargerFault) bool { return slices.Contains(c.faults, f) }

// work is what the charger does by itself: it looks at its connectors.
func (c *Charger) work(ctx context.Context) {
	tick := time.NewTicker(chargerTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.mu.Lock()
		for _, n := range c.connectors {
			c.look(n)
		}
		c.mu.Unlock()
	}
}

// look lets a connector go on. The caller holds mu.
func (c *Charger) look(n *connector) {
	s := n.bay.State()
	n.faulted = c.has(OutOfOrder)
	if !s.Plugged {
		n.finished = false
	}
	timeout, err := strconv.Atoi(c.settings["ConnectionTimeOut"])
	if err == nil && n.granted != "" && time.Since(n.grantedAt) > time.Duration(timeout)*time.Second {
		n.granted = ""
	}
	switch t := n.tx; {
	case t == nil && n.granted != "" && s.Plugged && !n.faulted:
		c.start(n, n.granted)
	case t == nil && c.has(FreeVend) && s.Plugged && !n.finished && !n.faulted:
		c.start(n, "FREEVEND")
	case t == nil:
	case s.Emergency:
		c.stop(n, v16.StopEmergency)
	case !s.Plugged:
		c.stop(n, v16.StopDisconnected)
	case t.refused:
		c.stop(n, v16.StopDeAuthorized)
	case t.stopWaits:
		c.stop(n, t.stopReason)
	case t.accepted:
		n.bay.Switch(!t.blown(c.clock(), time.Now()) || c.has(IgnoresFuse))
		c.sample(n)
	}
}

// blown tells whether the transaction's profile allows nothing by now. Its time is the charger's own.
func (t *chargerTransaction) blown(clock, now time.Time) bool {
	if t.fuse == nil {
		return false
	}
	since := now.Sub(t.begun)
	if s := t.fuse.Schedule.Start; s != nil {
		since = clock.Sub(s.Time)
	}
	limit := v16.Decimal(1)
	for _, p := range t.fuse.Schedule.Periods {
		if since >= time.Duration(p.Start)*time.Second {
			limit = p.Limit
		}
	}
	return limit == 0
}

// start begins a transaction. The caller holds mu.
func (c *Charger) start(n *connector, idTag string) {
	t := &chargerTransaction{idTag: idTag, start: n.bay.State().Register, begun: time.Now(), fuse: n.fuse}
	n.tx, n.granted, n.fuse = t, "", nil
	m := v16.StartTransaction{Connector: n.number, IDTag: idTag, MeterStart: int64(t.start),
		Timestamp: v16.At(c.clock())}
	var request any = m
	if c.Version == v201 {
		c.numbers++
		t.id = c.numbers
		request = begins{m, t.id, n.remote}
	}
	c.say(&message{action: v16.ActionStartTransaction, twice: c.has(StartTwice), make: func() any { return request },
		done: func(result json.RawMessage) {
			var r v16.StartResult
			if json.Unmarshal(result, &r) != nil {
				return // the central system's fault
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			t.id = r.Transaction
			t.accepted = r.IDTagInfo.Status == v16.AuthAccepted
			t.refused = !t.accepted
		}})
}

// stop ends the transaction of a connector. The caller holds mu.
func (c *Charger) stop(n *connector, why v16.StopReason) {
	t := n.tx
	n.bay.Switch(false)
	n.tx, n.finished = nil, true
	if c.has(StopLost) {
		return
	}
	m := v16.StopTransaction{IDTag: t.idTag, MeterStop: int64(n.bay.State().Register),
		Timestamp: v16.At(c.clock()), Reason: why}
	c.say(&message{action: v16.ActionStopTransaction, make: func() any {
		c.mu.Lock()
		defer c.mu.Unlock()
		m.Transaction = t.id
		return m
	}})
}

// sample sends a register when one is due. The caller holds mu. What cannot be sent now is old when it can be: the
// last of a transaction is enough.
func (c *Charger) sample(n *connector) {
	every, err := strconv.Atoi(c.settings["MeterValueSampleInterval"])
	t := n.tx
	if err != nil || every <= 0 || time.Since(t.sampled) < time.Duration(every)*time.Second {
		return
	}
	first := t.sampled.IsZero()
	t.sampled = time.Now()
	v := v16.MeterValue{Timestamp: v16.At(c.clock()), Samples: c.samples(t, n.bay.State(), first)}
	m := v16.MeterValues{Connector: n.number, Transaction: &t.id, Values: []v16.MeterValue{v}}
	c.queue = slices.DeleteFunc(c.queue, func(q *message) bool {
		return q.action == v16.ActionMeterValues && q.of == n
	})
	c.say(&message{action: v16.ActionMeterValues, of: n, make: func() any { return m }})
}

// samples are what the charger says of a moment.
func (c *Charger) samples(t *chargerTransaction, s State, first bool) []v16.Sample {
	wh := s.Register
	switch {
	case c.has(ZeroAtBoot) && first:
		wh = 0
	case c.has(SessionRegister):
		wh -= t.start
	}
	text := func(n kiosk.Energy) v16.Text { return v16.Text(strconv.FormatInt(int64(n), 10)) }
	const periodic = "Sample.Periodic"
	register := v16.Sample{Value: text(wh), Context: periodic, Measurand: v16.EnergyRegister, Unit: "Wh"}
	switch {
	case c.has(KWhAsWh):
		register.Value = v16.Text(fmt.Sprintf("%d.%03d", wh/1000, wh%1000))
	case c.has(NoUnit):
		return []v16.Sample{{Value: text(wh)}}
	case c.has(PhasesAlone):
		var out []v16.Sample
		for i, phase := range []string{"L1", "L2", "L3"} {
			one := register
			one.Phase, one.Value = phase, text((wh+kiosk.Energy(i))/3)
			out = append(out, one)
		}
		return out
	}
	out := []v16.Sample{register}
	if strings.Contains(c.settings["MeterValuesSampledData"], v16.PowerImport) {
		out = append(out, v16.Sample{Value: v16.Text(strconv.FormatInt(int64(s.Power), 10)), Context: periodic,
			Measurand: v16.PowerImport, Unit: "W"})
	}
	return out
}

// handle carries a command out.
func (c *Charger) handle(ctx context.Context, action string, payload json.RawMessage) (any, error) {
	switch action {
	case v16.ActionGetConfiguration:
		var m v16.GetConfiguration
		if err := json.Unmarshal(payload, &m); err != nil {
			return nil, ocppj.Errorf(ocppj.FormationViolation, "%v", err)
		}
		return c.configuration(m.Key), nil
	case v16.ActionChangeConfiguration:
		return command(payload, c.change)
	case v16.ActionRemoteStartTransaction:
		return command(payload, func(m v16.RemoteStart) string { return c.remoteStart(m) })
	case v16.ActionRemoteStopTransaction:
		return command(payload, c.remoteStop)
	case v16.ActionSetChargingProfile:
		return command(payload, c.setProfile)
	case v16.ActionUnlockConnector:
		return command(payload, c.unlock)
	case v16.ActionReset:
		return command(payload, c.reset)
	case v16.ActionTriggerMessage:
		return command(payload, c.trigger)
	case v16.ActionChangeAvailability:
		return command(payload, c.availability)
	case v16.ActionClearCache, v16.ActionClearChargingProfile:
		return v16.CommandResult{Status: v16.ResultAccepted}, nil
	}
	return nil, ocppj.Errorf(ocppj.NotImplemented, "%s is not known", action)
}

// command decodes a command, and answers with its status.
func command[M any](payload json.RawMessage, f func(M) string) (any, error) {
	var m M
	if err := json.Unmarshal(payload, &m); err != nil {
		return nil, ocppj.Errorf(ocppj.FormationViolation, "%v", err)
	}
	return v16.CommandResult{Status: f(m)}, nil
}

func (c *Charger) configuration(keys []string) (out v16.Configuration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(keys) == 0 {
		keys = slices.Sorted(maps.Keys(c.settings))
	}
	for _, k := range keys {
		v, known := c.settings[k]
		if !known {
			out.Unknown = append(out.Unknown, k)
			continue
		}
		if k == "SupportedFeatureProfiles" && c.has(NoFuse) {
			v = "Core,RemoteTrigger"
		}
		out.Keys = append(out.Keys, v16.ConfigurationKey{Key: k, Value: v, ReadOnly: settingIsFixed(k)})
	}
	return out
}

func (c *Charger) change(m v16.ChangeConfiguration) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.settings[m.Key]
	switch {
	case m.Key == "AuthorizationKey": // its digits are the password's bytes (security whitepaper)
		password, err := hex.DecodeString(m.Value)
		if err != nil || len(password) < 16 {
			return v16.ResultRejected
		}
		c.Password = string(password)
		return v16.ResultAccepted
	case !known:
		return v16.ResultNotSupported
	case settingIsFixed(m.Key):
		return v16.ResultRejected
	}
	c.settings[m.Key] = m.Value
	return v16.ResultAccepted
}

// at is a connector by its number; nil for none.
func (c *Charger) at(number int) *connector {
	if number < 1 || number > len(c.connectors) {
		return nil
	}
	return c.connectors[number-1]
}

func (c *Charger) remoteStart(m v16.RemoteStart) string {
	c.mu.Lock()
	n := c.at(m.Connector)
	if n == nil || n.tx != nil || n.inoperative || n.faulted || m.Profile != nil && c.has(NoFuse) {
		c.mu.Unlock()
		return v16.ResultRejected
	}
	n.granted, n.grantedAt, n.fuse = m.IDTag, time.Now(), m.Profile
	first := c.has(StartFirst) && n.bay.State().Plugged
	if first {
		c.start(n, m.IDTag)
	}
	conn := c.conn
	c.mu.Unlock()
	if first && conn != nil {
		c.send(context.Background(), conn)
	}
	return v16.ResultAccepted
}

// transaction finds the connector of a transaction. The caller holds mu.
func (c *Charger) transaction(id int) *connector {
	for _, n := range c.connectors {
		if n.tx != nil && n.tx.id == id {
			return n
		}
	}
	return nil
}

func (c *Charger) remoteStop(m v16.RemoteStop) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.transaction(m.Transaction)
	if n == nil || c.has(StopRejected) {
		return v16.ResultRejected
	}
	n.tx.stopWaits, n.tx.stopReason = true, v16.StopRemote
	return v16.ResultAccepted
}

func (c *Charger) setProfile(m v16.SetChargingProfile) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.at(m.Connector)
	switch {
	case c.has(NoFuse):
		return v16.ResultNotSupported
	case n == nil, n.tx == nil, m.Profile.Transaction != n.tx.id, m.Profile.Purpose != "TxProfile":
		return v16.ResultRejected
	}
	n.tx.fuse = &m.Profile
	return v16.ResultAccepted
}

func (c *Charger) unlock(m v16.UnlockConnector) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.at(m.Connector)
	if n == nil {
		return v16.ResultNotSupported
	}
	if n.tx != nil {
		n.tx.stopWaits, n.tx.stopReason = true, v16.StopUnlock
	}
	return v16.ResultUnlocked
}

func (c *Charger) reset(v16.Reset) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.connectors {
		if n.tx != nil {
			c.stop(n, v16.StopSoftReset)
		}
	}
	if c.conn != nil {
		go func(conn *ocppj.Conn) {
			time.Sleep(sendAgain) // it answers first
			_ = conn.Close("reset")
		}(c.conn)
	}
	return v16.ResultAccepted
}

func (c *Charger) trigger(m v16.TriggerMessage) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m.Message {
	case v16.ActionStatusNotification:
		for _, n := range c.connectors {
			if m.Connector == 0 || m.Connector == n.number {
				n.told = v16.StatusNotification{}
			}
		}
		return v16.ResultAccepted
	case v16.ActionMeterValues:
		for _, n := range c.connectors {
			if n.tx != nil && (m.Connector == 0 || m.Connector == n.number) {
				n.tx.sampled = time.Time{}
			}
		}
		return v16.ResultAccepted
	}
	return v16.ResultNotImplemented
}

func (c *Charger) availability(m v16.ChangeAvailability) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	result := v16.ResultAccepted
	for _, n := range c.connectors {
		if m.Connector != 0 && m.Connector != n.number {
			continue
		}
		n.inoperative = m.Type == "Inoperative"
		if n.tx != nil && n.inoperative {
			result = v16.ResultScheduled
		}
	}
	return result
}
