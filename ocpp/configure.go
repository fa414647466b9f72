package ocpp

import (
	"context"
	"fmt"
	"strings"
	"time"

	"kioskd/ocpp/v16"
)

// settings are what a charger must be set to (chapter 9 of OCPP 1.6): only the kiosk lets energy flow, also while
// the kiosk cannot be reached, and registers come often.
func (s *Server) settings() [][2]string {
	seconds := func(d time.Duration) string { return fmt.Sprint(int(d / time.Second)) }
	return [][2]string{
		{"AuthorizeRemoteTxRequests", "false"},
		{"LocalAuthorizeOffline", "false"},
		{"LocalPreAuthorize", "false"},
		{"AllowOfflineTxForUnknownId", "false"},
		{"AuthorizationCacheEnabled", "false"},
		{"LocalAuthListEnabled", "false"},
		{"StopTransactionOnInvalidId", "true"},
		{"StopTransactionOnEVSideDisconnect", "true"},
		{"UnlockConnectorOnEVSideDisconnect", "true"},
		{"ConnectionTimeOut", seconds(s.o.PlugIn)},
		{"MeterValueSampleInterval", seconds(s.o.Sample)},
		{"MeterValuesSampledData", strings.Join([]string{v16.EnergyRegister, v16.PowerImport, v16.CurrentImport,
			v16.VoltageOf}, ",")},
		{"StopTxnSampledData", v16.EnergyRegister},
		{"ClockAlignedDataInterval", "900"},
		{"HeartbeatInterval", seconds(heartbeat)},
		{"WebSocketPingInterval", "30"},
		{"TransactionMessageAttempts", "10"},
		{"TransactionMessageRetryInterval", "10"},
	}
}

// wanted are the settings of the charger's version.
func (c *Charger) wanted() [][2]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.v2 {
		return c.server.settings2()
	}
	return c.server.settings()
}

// ownStart are keys of vendors that let a vehicle charge without the kiosk, where they are on (free vending, plug and
// charge, start by itself).
func ownStart(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"freevend", "freecharging", "autostart", "plugandcharge", "plug&charge"} {
		if strings.Contains(key, part) && !strings.HasSuffix(key, "identifier") {
			return true
		}
	}
	return false
}

// greet asks a charger that has connected what its connectors do, and sets it.
func (c *Charger) greet(ctx context.Context) {
	for !c.greeted(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(greetAgain):
		}
	}
}

// greetAgain is when a charger that did not answer is asked again: it may be slow to begin.
const greetAgain = 20 * time.Second

// greeted tells whether the charger was set. What it said of its connectors before stays true where it does not tell it
// again: it need not.
func (c *Charger) greeted(ctx context.Context) bool {
	for number := range c.connectors {
		err := c.asked(ctx, v16.ActionTriggerMessage, v16.TriggerMessage{Message: v16.ActionStatusNotification,
			Connector: number})
		if err != nil {
			c.log.Warn("charger does not tell its connector's state when it is asked", "connector", number, "error",
				err)
			c.connectors[number].asBefore()
		}
	}
	if c.report().Model == "" {
		if err := c.asked(ctx, v16.ActionTriggerMessage,
			v16.TriggerMessage{Message: v16.ActionBootNotification}); err != nil {
			c.log.Info("charger does not tell what it is when it is asked", "error", err)
		}
	}
	if c.busy() { // some begin anew when they are set
		return true
	}
	has, err := c.read(ctx)
	var not []Setting
	if err == nil {
		c.keepFuses(newFuses(has))
		not, err = c.configure(ctx, has)
	}
	if err != nil {
		c.log.Warn("charger was not set", "error", err)
		return refused(err)
	}
	c.mu.Lock()
	c.refused, c.written = not, true
	c.mu.Unlock()
	for _, r := range not {
		c.log.Warn("charger does not take a setting", "key", r.Key, "want", r.Value, "has", r.Has, "why", r.Why)
	}
	return true
}

// busy tells whether a charger that was set before charges.
func (c *Charger) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.connectors {
		if c.written && n.running != nil {
			return true
		}
	}
	return false
}

// configure writes what is not as it must be, and reads it back.
func (c *Charger) configure(ctx context.Context, has map[string]v16.ConfigurationKey) (refused []Setting, err error) {
	for _, want := range c.wanted() {
		s := Setting{Key: want[0], Value: want[1], Has: has[want[0]].Value}
		switch {
		case strings.EqualFold(s.Has, s.Value), s.Has != "" && s.Has == c.short[s.Key]:
			continue
		case has[s.Key].ReadOnly:
			s.Why = "read-only"
		default:
			s.Why, err = c.write(ctx, &s)
			if err != nil {
				return nil, err
			}
			if s.Why == "" && s.Value != want[1] { // no need to write it again
				c.short[s.Key] = s.Value
			}
		}
		if s.Why != "" {
			refused = append(refused, s)
		}
	}
	for key, v := range has {
		if ownStart(key) && !strings.EqualFold(v.Value, "false") && v.Value != "" && v.Value != "0" {
			refused = append(refused, Setting{key, "false", v.Value, "a vehicle may charge without the kiosk", true})
		}
	}
	return refused, nil
}

// read reads all settings.
func (c *Charger) read(ctx context.Context) (map[string]v16.ConfigurationKey, error) {
	var all v16.Configuration
	if err := c.call(ctx, v16.ActionGetConfiguration, v16.GetConfiguration{}, &all); err != nil {
		return nil, err
	}
	has := map[string]v16.ConfigurationKey{}
	for _, k := range all.Keys {
		has[k.Key] = k
	}
	return has, nil
}

// write changes a setting. A list is shortened from its end until it is taken.
func (c *Charger) write(ctx context.Context, s *Setting) (why string, err error) {
	for {
		var result v16.CommandResult
		m := v16.ChangeConfiguration{Key: s.Key, Value: s.Value}
		if err := m.Check(); err != nil {
			return "", err
		}
		if err := c.call(ctx, v16.ActionChangeConfiguration, m, &result); err != nil {
			return "", err
		}
		cut := strings.LastIndex(s.Value, ",")
		switch {
		case result.Status == v16.ResultAccepted, result.Status == v16.ResultRebootRequired:
			return "", nil
		case cut < 0 || result.Status == v16.ResultNotSupported:
			return result.Status, nil
		}
		s.Value = s.Value[:cut]
	}
}
