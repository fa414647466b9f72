package ocpp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// A charger of OCPP 2.0.1 or 2.1 is led as one of 1.6 is: what it says is put into the messages of 1.6, and what it is
// told is taken from them. An EVSE is a connector here: one vehicle at a time, by whichever of its plugs.

// firstConnector is the connector of an EVSE that is named where one must be.
const firstConnector = 1

// stationed is a transaction of a charger of 2.x, by the name that the charger has for it.
type stationed struct {
	number  int // ours; 0 while no session has it
	evse    int
	seq     int             // of the last event
	start   *kiosk.Energy   // the register at its begin; nil where none was told
	begun   v2.Time         // by the charger's clock
	signed  []v2.MeterValue // signed values of before its end
	refused bool
	over    bool
}

// mostOver is how many transactions that are over are kept: what was not answered comes again.
const mostOver = 100

// prune forgets transactions that are over. The caller holds the lock.
func (c *Charger) prune() {
	for id, x := range c.stations {
		if len(c.stations) <= mostOver {
			return
		}
		if x.over {
			delete(c.stations, id)
		}
	}
}

// v2Boot is how a charger of 2.x begins.
type v2Boot = v2.BootNotification

// handle2 answers what a charger of 2.x says.
func (c *Charger) handle2(ctx context.Context, action string, payload json.RawMessage) (any, error) {
	c.mu.Lock()
	c.heard = time.Now()
	c.mu.Unlock()
	switch action {
	case v2.ActionBootNotification:
		return answer(payload, func(m v2.BootNotification) (v2.BootResult, error) {
			r := c.booted(v16.BootNotification{Vendor: m.Station.Vendor, Model: m.Station.Model,
				Serial: m.Station.Serial, Firmware: m.Station.Firmware})
			return v2.BootResult{Now: r.Now, Interval: r.Interval, Status: r.Status}, nil
		})
	case v2.ActionHeartbeat:
		return v16.HeartbeatResult{Now: v16.At(c.server.o.Now())}, nil
	case v2.ActionStatusNotification:
		return answer(payload, func(m v2.StatusNotification) (v16.Empty, error) {
			return v16.Empty{}, c.status2(m.EVSE, m.Connector, m.Status)
		})
	case v2.ActionNotifyEvent:
		return answer(payload, func(m v2.NotifyEvent) (v16.Empty, error) { return v16.Empty{}, c.notified(m) })
	case v2.ActionAuthorize:
		return answer(payload, func(m struct {
			IDToken v2.IDToken `json:"idToken"`
		}) (v2.TransactionResult, error) {
			r := c.authorize(v16.Authorize{IDTag: m.IDToken.Token})
			return v2.TransactionResult{TokenInfo: &v2.TokenInfo{Status: r.IDTagInfo.Status}}, nil
		})
	case v2.ActionTransactionEvent:
		return answer(payload, func(m v2.TransactionEvent) (v2.TransactionResult, error) {
			return c.transaction(ctx, m)
		})
	case v2.ActionMeterValues: // of no transaction
		return v16.Empty{}, nil
	case v2.ActionDataTransfer:
		return v16.DataTransferResult{Status: "UnknownVendorId"}, nil
	case v2.ActionSecurityEvent, "LogStatusNotification", "FirmwareStatusNotification", "NotifyReport":
		c.log.Info("charger says", "action", action, "payload", string(payload))
		return v16.Empty{}, nil
	}
	return nil, ocppj.Errorf(ocppj.NotImplemented, "%s is not known", action)
}

// status2 takes a connector's state. Occupied says no more than that a cable is there: what a transaction does is said
// by its events.
func (c *Charger) status2(evse, connector int, s v2.ConnectorStatus) error {
	c.mu.Lock()
	n := c.connectors[evse]
	if n != nil && connector > 0 {
		s = n.together(connector, s)
	}
	c.mu.Unlock()
	status := map[v2.ConnectorStatus]v16.Status{v2.Available: v16.Available, v2.Occupied: v16.Preparing,
		v2.Reserved: v16.Reserved, v2.Unavailable: v16.Unavailable, v2.Faulted: v16.Faulted}[s]
	if status == "" {
		return ocppj.Errorf(ocppj.PropertyConstraint, "connectorStatus %q is not known", s)
	}
	c.mu.Lock()
	keep := n != nil && status == v16.Preparing && (n.state == v16.Charging || n.state == v16.SuspendedEV ||
		n.state == v16.SuspendedEVSE || n.state == v16.Finishing)
	c.mu.Unlock()
	if keep {
		return nil
	}
	m := v16.StatusNotification{Connector: evse, Status: status}
	if status == v16.Faulted {
		c.mu.Lock()
		m.VendorID, m.VendorError, m.Info = c.problems[evse].vendor, c.problems[evse].code, c.problems[evse].info
		c.mu.Unlock()
	}
	return c.status(m)
}

// problem is what a charger of 2.x says is wrong with an EVSE, or with itself.
type problem struct{ vendor, code, info string }

// hasProblem takes a problem, or that it is over, and tells whether what is known to be faulted has it.
func (c *Charger) hasProblem(evse int, e v2.Event) (faulted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Cleared || strings.EqualFold(e.Value, "false") {
		delete(c.problems, evse)
		return false
	}
	p := problem{code: e.TechCode, info: e.TechInfo}
	if strings.HasPrefix(e.TechCode, "CX") {
		p.vendor = chargeX
	}
	c.problems[evse] = p
	n := c.connectors[evse]
	return n != nil && n.state == v16.Faulted
}

// together is the state of an EVSE by those of its connectors: it is occupied where one is, and free where another is.
// The caller holds the lock.
func (n *Connector) together(connector int, s v2.ConnectorStatus) v2.ConnectorStatus {
	if n.plugs == nil {
		n.plugs = map[int]v2.ConnectorStatus{}
	}
	n.plugs[connector] = s
	for _, first := range []v2.ConnectorStatus{v2.Occupied, v2.Available, v2.Reserved} {
		for _, is := range n.plugs {
			if is == first {
				return first
			}
		}
	}
	return s
}

// notified takes the states of connectors and the problems that a charger tells by its device model.
func (c *Charger) notified(m v2.NotifyEvent) error {
	for _, e := range m.Events {
		evse, connector := 0, 0
		if e.Component.EVSE != nil {
			evse, connector = e.Component.EVSE.ID, e.Component.EVSE.Connector
		}
		switch e.Variable.Name {
		case "AvailabilityState":
			if err := c.status2(evse, connector, v2.ConnectorStatus(e.Value)); err != nil {
				c.log.Warn("event was not understood", "component", e.Component.Name, "value", e.Value, "error", err)
			}
		case "Problem", "Fallback", "Overload", "Tripped":
			c.log.Warn("charger says", "component", e.Component.Name, "evse", evse, "variable", e.Variable.Name,
				"value", e.Value, "code", e.TechCode, "info", e.TechInfo)
			if c.hasProblem(evse, e) {
				if err := c.status2(evse, 0, v2.Faulted); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// transaction takes an event of a transaction. One that came before is answered as it was, and changes nothing.
func (c *Charger) transaction(ctx context.Context, m v2.TransactionEvent) (v2.TransactionResult, error) {
	c.mu.Lock()
	x := c.stationOf(m)
	again := m.Seq <= x.seq && (m.Type != v2.Ended || x.over) // some count anew after they were off: an end is one
	if again && m.Type != v2.Started {
		out := v2.TransactionResult{}
		if m.IDToken != nil && x.number > 0 {
			out.TokenInfo = &v2.TokenInfo{Status: x.status()}
		}
		c.mu.Unlock()
		return out, nil
	}
	c.known(&m, x)
	number := x.number
	c.mu.Unlock()
	var out v2.TransactionResult
	if m.IDToken != nil && (number == 0 || m.Type == v2.Started) {
		limit := c.limit(x)
		status, err := c.begun2(ctx, m, x)
		if err != nil {
			return out, err
		}
		out.TokenInfo = &v2.TokenInfo{Status: status}
		if status == v16.AuthAccepted {
			out.Limit = limit
		}
	}
	err := c.goesOn(ctx, m, x)
	if err == nil { // what was not written down must come again
		c.mu.Lock()
		x.seq, x.over = max(x.seq, m.Seq), x.over || m.Type == v2.Ended
		c.prune()
		c.mu.Unlock()
	}
	return out, err
}

// status is what its token was answered.
func (x *stationed) status() v16.Authorization {
	if x.refused {
		return v16.AuthInvalid
	}
	return v16.AuthAccepted
}

// stationOf is the transaction that an event is of. A name is used again by chargers that count anew after they were
// off: a begin at another time is of another transaction. The caller holds the lock.
func (c *Charger) stationOf(m v2.TransactionEvent) *stationed {
	x := c.stations[m.Info.ID]
	other := x != nil && m.Type == v2.Started && x.begun.Text != "" && x.begun.Text != m.Timestamp.Text
	if x == nil || other {
		x = &stationed{seq: -1}
		c.stations[m.Info.ID] = x
	}
	if m.EVSE != nil {
		x.evse = m.EVSE.ID
	}
	if m.Type == v2.Started {
		x.begun = m.Timestamp
	}
	return x
}

// known puts into an event what is known of it: whose transaction it is by the number of its remote start, at which
// EVSE, and its first register. Energy without an authorization has an empty token. The caller holds the lock.
func (c *Charger) known(m *v2.TransactionEvent, x *stationed) {
	for _, n := range c.connectors {
		mine := n.grant != nil && (m.IDToken != nil && m.IDToken.Token == n.grant.Reference ||
			m.IDToken == nil && m.Info.RemoteStart != nil && *m.Info.RemoteStart == n.startID)
		if mine && m.IDToken == nil && x.number == 0 && !m.Offline {
			m.IDToken = &v2.IDToken{Token: n.grant.Reference, Type: "Central"}
		}
		if x.evse == 0 && (mine || len(c.connectors) == 1) {
			x.evse = n.set.Number
		}
	}
	for _, v := range m.Values {
		if m.Type != v2.Ended && slices.ContainsFunc(v.Samples, func(s v2.Sample) bool { return s.Signed != nil }) {
			x.signed = append(x.signed[:min(1, len(x.signed))], v) // the first, and the last
		}
	}
	now := registerOf(m.Values)
	flows := m.Info.State == v2.Charging || x.start != nil && now != nil && *now > *x.start+slack
	if x.start == nil {
		x.start = now
	}
	if x.number == 0 && m.IDToken == nil && flows && m.Type != v2.Ended {
		m.IDToken = &v2.IDToken{}
	}
}

// limit is what a transaction may draw at most, for a charger of 2.1: it ends there by itself, also where it is cut off
// (OCPP 2.1, E16). The fuse is for those that take no limit, and for prices by time.
func (c *Charger) limit(x *stationed) *v2.Limit {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.connectors[x.evse]
	if !c.v21 || n == nil || n.grant == nil || n.grant.Fuse <= 0 {
		return nil
	}
	most := int64(n.set.Register.MaxPower) * n.grant.Fuse.Milliseconds() / 3_600_000
	return &v2.Limit{MaxEnergy: v2.Decimal(strconv.FormatInt(most, 10))}
}

// registerOf is the first register of some values; nil for none.
func registerOf(all []v2.MeterValue) *kiosk.Energy {
	for _, v := range all {
		if r, err := v.As16().Register(); err == nil {
			return &r
		}
	}
	return nil
}

// endOf is the register of an end: the one that says so, or the last.
func endOf(all []v2.MeterValue) *kiosk.Energy {
	var ends []v2.MeterValue
	for _, v := range all {
		of := slices.DeleteFunc(slices.Clone(v.Samples), func(s v2.Sample) bool {
			return s.Context != "Transaction.End"
		})
		if len(of) > 0 {
			ends = append(ends, v2.MeterValue{Timestamp: v.Timestamp, Samples: of})
		}
	}
	if r := registerOf(ends); r != nil {
		return r
	}
	last := slices.Clone(all)
	slices.Reverse(last)
	return registerOf(last)
}

// begun2 is a transaction that has its token: it may run where a session has it. Without a register it may not, unless
// there is a meter in front of the charger.
func (c *Charger) begun2(ctx context.Context, m v2.TransactionEvent, x *stationed) (v16.Authorization, error) {
	c.mu.Lock()
	evse, begun := x.evse, x.begun
	start := v16.StartTransaction{Connector: evse, IDTag: m.IDToken.Token, Timestamp: begun}
	n := c.connectors[evse]
	more := beginning{station: m.Info.ID, stamp: m.Timestamp.Time}
	switch {
	case x.start != nil:
		start.MeterStart = int64(*x.start)
	case n == nil || !n.set.Metered:
		more.wrong = errors.New("the charger told no register at its begin")
	}
	c.mu.Unlock()
	r, err := c.started(ctx, start, more)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	x.number, x.refused = r.Transaction, r.IDTagInfo.Status != v16.AuthAccepted
	refused := x.refused
	c.mu.Unlock()
	if refused { // also where it is one that ended, or of no bay
		go c.stopStation(m.Info.ID)
	}
	return r.IDTagInfo.Status, nil
}

// goesOn takes what an event says beside its begin.
func (c *Charger) goesOn(ctx context.Context, m v2.TransactionEvent, x *stationed) error {
	c.mu.Lock()
	number, evse := x.number, x.evse
	n := c.connectors[evse]
	// what was, and what another transaction does, is not what the connector does now
	now := n != nil && !m.Offline && !x.over && (n.running == nil || n.running.ID == number)
	c.mu.Unlock()
	state := map[v2.ChargingState]v16.Status{v2.Charging: v16.Charging, v2.EVConnected: v16.Preparing,
		v2.SuspendedEV: v16.SuspendedEV, v2.SuspendedEVSE: v16.SuspendedEVSE, v2.Idle: v16.Available}[m.Info.State]
	if state != "" && m.Type != v2.Ended && now {
		if err := c.status(v16.StatusNotification{Connector: evse, Status: state}); err != nil {
			return err
		}
	}
	var values []v16.MeterValue
	for _, v := range m.Values {
		values = append(values, v.As16())
	}
	if m.Type == v2.Ended {
		c.mu.Lock()
		for _, v := range x.signed {
			values = append(values, v.As16())
		}
		c.mu.Unlock()
	}
	if m.Type != v2.Ended {
		if number == 0 {
			return nil
		}
		return c.measured(v16.MeterValues{Connector: evse, Transaction: &number, Values: values})
	}
	stop := v16.StopTransaction{Transaction: number, Timestamp: m.Timestamp, Data: values,
		Reason: v16.StopReason(m.Info.StoppedReason)}
	if r := endOf(m.Values); r != nil {
		stop.MeterStop = int64(*r)
	}
	if number == 0 {
		if x.begun.Text != "" && x.start != nil && int64(*x.start) == stop.MeterStop { // a cable that came and went
			return nil
		}
		stop.IDTag = "station " + m.Info.ID
	}
	_, err := c.stopped(ctx, stop)
	return err
}

// stopStation ends a transaction by the charger's name for it.
func (c *Charger) stopStation(id string) {
	var result v16.CommandResult
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return
	}
	err := conn.Call(context.Background(), v2.ActionRequestStopTransaction, v2.RequestStop{Transaction: id}, &result)
	c.log.Warn("transaction that may not run is ended", "transaction", id, "status", result.Status, "error", err)
}

// call2 tells a charger of 2.x what the message of 1.6 says.
func (c *Charger) call2(ctx context.Context, conn *ocppj.Conn, request, response any) error {
	switch m := request.(type) {
	case v16.RemoteStart:
		c.mu.Lock()
		c.starts++
		id := c.starts
		if n := c.connectors[m.Connector]; n != nil {
			n.startID = id
		}
		c.mu.Unlock()
		return conn.Call(ctx, v2.ActionRequestStartTransaction, v2.RequestStart{EVSE: m.Connector, RemoteStart: id,
			IDToken: v2.IDToken{Token: m.IDTag, Type: "Central"}, Profile: profile2(m.Profile, "")}, response)
	case v16.RemoteStop:
		id, err := c.station(m.Transaction)
		if err != nil {
			return err
		}
		return conn.Call(ctx, v2.ActionRequestStopTransaction, v2.RequestStop{Transaction: id}, response)
	case v16.SetChargingProfile:
		id, err := c.station(m.Profile.Transaction)
		if err != nil {
			return err
		}
		return conn.Call(ctx, v2.ActionSetChargingProfile, v2.SetChargingProfile{EVSE: m.Connector,
			Profile: *profile2(&m.Profile, id)}, response)
	case v16.UnlockConnector:
		return conn.Call(ctx, v2.ActionUnlockConnector, v2.UnlockConnector{EVSE: m.Connector,
			Connector: firstConnector}, response)
	case v16.Reset:
		return conn.Call(ctx, v2.ActionReset, v2.Reset{Type: "Immediate"}, response)
	case v16.TriggerMessage:
		t := v2.TriggerMessage{Message: m.Message}
		if m.Connector > 0 {
			t.EVSE = &v2.EVSE{ID: m.Connector, Connector: firstConnector}
		}
		return conn.Call(ctx, v2.ActionTriggerMessage, t, response)
	case v16.GetConfiguration:
		return c.read2(ctx, conn, response.(*v16.Configuration))
	case v16.ChangeConfiguration:
		return c.write2(ctx, conn, m, response.(*v16.CommandResult))
	}
	return fmt.Errorf("cannot tell a charger of OCPP 2.x %T", request)
}

// station is the charger's name of a transaction.
func (c *Charger) station(number int) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.connectors {
		for _, t := range n.known {
			if t.ID == number && t.Station != "" {
				return t.Station, nil
			}
		}
	}
	return "", fmt.Errorf("the charger's name of transaction %d is not known", number)
}

// ongoing asks a charger of 2.x whether a transaction runs that it does not end (E14). It does, unless the charger says
// that it does not.
func (c *Charger) ongoing(ctx context.Context, number int) bool {
	id, err := c.station(number)
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if err != nil || conn == nil {
		return true
	}
	var got v2.TransactionStatus
	err = conn.Call(ctx, v2.ActionGetTransactionStatus, v2.GetTransactionStatus{Transaction: id}, &got)
	return err != nil || got.Ongoing == nil || *got.Ongoing
}

// profile2 is a charging profile as 2.x says it.
func profile2(p *v16.ChargingProfile, transaction string) *v2.ChargingProfile {
	if p == nil {
		return nil
	}
	return &v2.ChargingProfile{ID: p.ID, Stack: p.Stack, Purpose: p.Purpose, Kind: p.Kind, Transaction: transaction,
		Schedules: []v2.Schedule{{ID: 1, Start: p.Schedule.Start, Unit: p.Schedule.Unit, Periods: p.Schedule.Periods}}}
}

// settings2 are what a charger of 2.x must be set to, each as Component.Variable (part 2, appendix 3).
func (s *Server) settings2() [][2]string {
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	return [][2]string{
		{"AuthCtrlr.AuthorizeRemoteStart", "false"},
		{"AuthCtrlr.LocalAuthorizeOffline", "false"},
		{"AuthCtrlr.LocalPreAuthorize", "false"},
		{"AuthCtrlr.OfflineTxForUnknownIdEnabled", "false"},
		{"AuthCacheCtrlr.Enabled", "false"},
		{"LocalAuthListCtrlr.Enabled", "false"},
		{"TxCtrlr.StopTxOnInvalidId", "true"},
		{"TxCtrlr.StopTxOnEVSideDisconnect", "true"},
		{"TxCtrlr.TxStartPoint", "PowerPathClosed"},
		{"TxCtrlr.TxStopPoint", "PowerPathClosed,EVConnected"},
		{"TxCtrlr.EVConnectionTimeOut", seconds(s.o.PlugIn)},
		{"SampledDataCtrlr.TxStartedMeasurands", v16.EnergyRegister},
		{"SampledDataCtrlr.TxUpdatedMeasurands", strings.Join([]string{v16.EnergyRegister, v16.PowerImport,
			v16.CurrentImport, v16.VoltageOf}, ",")},
		{"SampledDataCtrlr.TxEndedMeasurands", v16.EnergyRegister},
		{"SampledDataCtrlr.TxUpdatedInterval", seconds(s.o.Sample)},
		{"OCPPCommCtrlr.HeartbeatInterval", seconds(heartbeat)},
		{"OCPPCommCtrlr.WebSocketPingInterval", "30"},
	}
}

// smartCharging are the variables that tell of charging profiles, by the settings of 1.6 that say the same.
func smartCharging() map[string]string {
	return map[string]string{"SmartChargingCtrlr.Enabled": "", "SmartChargingCtrlr.RateUnit": rateUnit}
}

// variable splits Component.Variable.
func variable(key string) (v2.Component, v2.Variable) {
	component, name, _ := strings.Cut(key, ".")
	return v2.Component{Name: component}, v2.Variable{Name: name}
}

// askedAtOnce is how many variables a charger is asked for at once: some take few (ItemsPerMessageGetVariables).
const askedAtOnce = 5

// read2 reads the variables that matter here. One that it refuses to tell is not known, and is written.
func (c *Charger) read2(ctx context.Context, conn *ocppj.Conn, out *v16.Configuration) error {
	var keys []string
	for _, s := range c.server.settings2() {
		keys = append(keys, s[0])
	}
	for k := range smartCharging() {
		keys = append(keys, k)
	}
	for part := range slices.Chunk(keys, askedAtOnce) {
		err := c.readSome(ctx, conn, part, out)
		if err == nil || !refused(err) {
			if err != nil {
				return err
			}
			continue
		}
		for _, key := range part {
			err := c.readSome(ctx, conn, []string{key}, out)
			if err != nil && !refused(err) {
				return err
			}
		}
	}
	return nil
}

// readSome reads some variables.
func (c *Charger) readSome(ctx context.Context, conn *ocppj.Conn, keys []string, out *v16.Configuration) error {
	var ask v2.GetVariables
	for _, k := range keys {
		component, name := variable(k)
		ask.Data = append(ask.Data, v2.GetVariable{Component: component, Variable: name})
	}
	var got v2.GetResults
	if err := conn.Call(ctx, v2.ActionGetVariables, ask, &got); err != nil {
		return err
	}
	for _, r := range got.Results {
		if r.Status != v16.ResultAccepted {
			continue
		}
		key := r.Component.Name + "." + r.Variable.Name
		switch {
		case key == "SmartChargingCtrlr.Enabled" && strings.EqualFold(r.Value, "false"):
			out.Keys = append(out.Keys, v16.ConfigurationKey{Key: featureProfiles, Value: "Core"})
		case smartCharging()[key] != "":
			out.Keys = append(out.Keys, v16.ConfigurationKey{Key: smartCharging()[key], Value: r.Value})
		default:
			out.Keys = append(out.Keys, v16.ConfigurationKey{Key: key, Value: r.Value})
		}
	}
	return nil
}

// write2 writes one variable.
func (c *Charger) write2(ctx context.Context, conn *ocppj.Conn, m v16.ChangeConfiguration,
	out *v16.CommandResult) error {
	component, name := variable(m.Key)
	var got v2.SetResults
	err := conn.Call(ctx, v2.ActionSetVariables, v2.SetVariables{Data: []v2.SetVariable{{Value: m.Value,
		Component: component, Variable: name}}}, &got)
	switch {
	case err != nil:
		return err
	case len(got.Results) != 1:
		return fmt.Errorf("the charger answers %d results for one variable", len(got.Results))
	}
	out.Status = got.Results[0].Status
	if strings.HasPrefix(out.Status, "Unknown") {
		out.Status = v16.ResultNotSupported
	}
	return nil
}
