package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// A charger of OCPP 2.0.1 is the same one, which says what it has to say in other messages.

// calls sends a message of the charger's, in those of its version.
func (c *Charger) calls(ctx context.Context, conn *ocppj.Conn, action string, request, response any) error {
	if c.Version != v201 {
		return conn.Call(ctx, action, request, response)
	}
	switch m := request.(type) {
	case v16.BootNotification:
		return conn.Call(ctx, action, v2.BootNotification{Reason: "PowerUp", Station: v2.Station{Vendor: m.Vendor,
			Model: m.Model, Serial: m.Serial, Firmware: m.Firmware}}, response)
	case v16.StatusNotification:
		return conn.Call(ctx, action, v2.StatusNotification{Timestamp: *m.Timestamp, EVSE: m.Connector, Connector: 1,
			Status: connectorStatus(m.Status)}, response)
	case begins:
		return c.starts2(ctx, conn, m, response)
	case v16.MeterValues:
		return c.event(ctx, conn, v2.TransactionEvent{Type: v2.Updated, Trigger: "MeterValuePeriodic",
			Info: v2.Transaction{ID: c.name(*m.Transaction), State: c.state(m.Connector)},
			EVSE: &v2.EVSE{ID: m.Connector, Connector: 1}, Values: values2(m.Values)}, &v2.TransactionResult{})
	case v16.StopTransaction:
		value := v2.MeterValue{Timestamp: m.Timestamp, Samples: []v2.Sample{{Context: "Transaction.End",
			Value: v2.Decimal(fmt.Sprint(m.MeterStop)), Measurand: v16.EnergyRegister}}}
		return c.event(ctx, conn, v2.TransactionEvent{Type: v2.Ended, Trigger: triggerOf(m.Reason),
			Info: v2.Transaction{ID: c.name(m.Transaction), State: v2.EVConnected,
				StoppedReason: reason2(m.Reason)},
			Values: []v2.MeterValue{value}}, &v2.TransactionResult{})
	}
	return conn.Call(ctx, action, request, response)
}

// v201 is the version beside 1.6.
const v201 = "2.0.1"

// begins is a StartTransaction with the number that the charger has for it.
type begins struct {
	v16.StartTransaction
	number int
	remote *int // remoteStartId
}

// name is the charger's own of a transaction.
func (c *Charger) name(number int) string { return fmt.Sprintf("%s-%d", c.ID, number) }

func connectorStatus(s v16.Status) v2.ConnectorStatus {
	switch s {
	case v16.Available:
		return v2.Available
	case v16.Faulted:
		return v2.Faulted
	case v16.Unavailable:
		return v2.Unavailable
	}
	return v2.Occupied
}

// triggerOf is why a transaction ends, as 2.x says it.
func triggerOf(r v16.StopReason) string {
	return map[v16.StopReason]string{v16.StopRemote: "RemoteStop", v16.StopDisconnected: "EVCommunicationLost",
		v16.StopDeAuthorized: "Deauthorized", v16.StopUnlock: "UnlockCommand", v16.StopSoftReset: "ResetCommand",
		v16.StopEmergency: "AbnormalCondition"}[r]
}

func reason2(r v16.StopReason) string {
	switch r {
	case v16.StopSoftReset:
		return "ImmediateReset"
	case v16.StopUnlock:
		return "Other"
	}
	return string(r)
}

func values2(all []v16.MeterValue) (out []v2.MeterValue) {
	for _, v := range all {
		m := v2.MeterValue{Timestamp: v.Timestamp}
		for _, s := range v.Samples {
			as := v2.Sample{Value: v2.Decimal(s.Value), Context: s.Context, Measurand: s.Measurand, Phase: s.Phase}
			if s.Unit != "" {
				as.Unit = &v2.Unit{Unit: s.Unit}
			}
			m.Samples = append(m.Samples, as)
		}
		out = append(out, m)
	}
	return out
}

// state is what a connector's transaction does.
func (c *Charger) state(connector int) v2.ChargingState {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.at(connector).status() {
	case v16.Charging:
		return v2.Charging
	case v16.SuspendedEV:
		return v2.SuspendedEV
	case v16.SuspendedEVSE:
		return v2.SuspendedEVSE
	}
	return v2.EVConnected
}

// starts2 tells the begin of a transaction. Its number is the charger's own.
func (c *Charger) starts2(ctx context.Context, conn *ocppj.Conn, m begins, response any) error {
	e := v2.TransactionEvent{Type: v2.Started, Trigger: "RemoteStart", EVSE: &v2.EVSE{ID: m.Connector, Connector: 1},
		IDToken: &v2.IDToken{Token: m.IDTag, Type: "Central"},
		Info:    v2.Transaction{ID: c.name(m.number), State: v2.EVConnected, RemoteStart: m.remote},
		Values: []v2.MeterValue{{Timestamp: m.Timestamp, Samples: []v2.Sample{{Context: "Transaction.Begin",
			Value: v2.Decimal(fmt.Sprint(m.MeterStart)), Measurand: v16.EnergyRegister}}}}}
	var r v2.TransactionResult
	if err := c.event(ctx, conn, e, &r); err != nil {
		return err
	}
	status := v16.AuthInvalid
	if r.TokenInfo != nil {
		status = r.TokenInfo.Status
	}
	data, err := json.Marshal(v16.StartResult{IDTagInfo: v16.IDTagInfo{Status: status}, Transaction: m.number})
	if err != nil {
		return err
	}
	return json.Unmarshal(data, response)
}

// event sends an event of a transaction with the next number of it.
func (c *Charger) event(ctx context.Context, conn *ocppj.Conn, e v2.TransactionEvent, r *v2.TransactionResult) error {
	c.mu.Lock()
	e.Seq = c.seqs[e.Info.ID]
	e.Timestamp = v16.At(c.clock())
	c.mu.Unlock()
	err := conn.Call(ctx, v2.ActionTransactionEvent, e, r)
	if err == nil {
		c.mu.Lock()
		c.seqs[e.Info.ID]++
		c.mu.Unlock()
	}
	return err
}

// handle2 carries a command of 2.x out.
func (c *Charger) handle2(ctx context.Context, action string, payload json.RawMessage) (any, error) {
	switch action {
	case v2.ActionRequestStartTransaction:
		return command(payload, func(m v2.RequestStart) string {
			c.mu.Lock()
			if n := c.at(m.EVSE); n != nil {
				n.remote = &m.RemoteStart
			}
			c.mu.Unlock()
			return c.remoteStart(v16.RemoteStart{Connector: m.EVSE, IDTag: m.IDToken.Token,
				Profile: profile16(m.Profile)})
		})
	case v2.ActionRequestStopTransaction:
		return command(payload, func(m v2.RequestStop) string {
			number := 0
			if _, err := fmt.Sscanf(strings.TrimPrefix(m.Transaction, c.ID+"-"), "%d", &number); err != nil {
				return v16.ResultRejected
			}
			return c.remoteStop(v16.RemoteStop{Transaction: number})
		})
	case v2.ActionSetChargingProfile:
		return command(payload, func(m v2.SetChargingProfile) string {
			p := profile16(&m.Profile)
			name := strings.TrimPrefix(m.Profile.Transaction, c.ID+"-")
			if _, err := fmt.Sscanf(name, "%d", &p.Transaction); err != nil {
				return v16.ResultRejected
			}
			if c.setProfile(v16.SetChargingProfile{Connector: m.EVSE, Profile: *p}) != v16.ResultAccepted {
				return v16.ResultRejected
			}
			return v16.ResultAccepted
		})
	case v2.ActionUnlockConnector:
		return command(payload, func(m v2.UnlockConnector) string {
			return c.unlock(v16.UnlockConnector{Connector: m.EVSE})
		})
	case v2.ActionReset:
		return command(payload, func(v2.Reset) string { return c.reset(v16.Reset{}) })
	case v2.ActionTriggerMessage:
		return command(payload, c.trigger2)
	case v2.ActionGetVariables:
		var m v2.GetVariables
		if err := json.Unmarshal(payload, &m); err != nil {
			return nil, ocppj.Errorf(ocppj.FormatViolation, "%v", err)
		}
		return c.getVariables(m), nil
	case v2.ActionSetVariables:
		var m v2.SetVariables
		if err := json.Unmarshal(payload, &m); err != nil {
			return nil, ocppj.Errorf(ocppj.FormatViolation, "%v", err)
		}
		return c.setVariables(m), nil
	}
	return nil, ocppj.Errorf(ocppj.NotImplemented, "%s is not known", action)
}

func (c *Charger) trigger2(m v2.TriggerMessage) string {
	number := 0
	if m.EVSE != nil {
		number = m.EVSE.ID
	}
	return c.trigger(v16.TriggerMessage{Message: m.Message, Connector: number})
}

// profile16 is a charging profile as 1.6 says it.
func profile16(p *v2.ChargingProfile) *v16.ChargingProfile {
	if p == nil || len(p.Schedules) == 0 {
		return nil
	}
	s := p.Schedules[0]
	return &v16.ChargingProfile{ID: p.ID, Stack: p.Stack, Purpose: p.Purpose, Kind: p.Kind,
		Schedule: v16.Schedule{Start: s.Start, Unit: s.Unit, Periods: s.Periods}}
}

// variables are those of the device model that the charger has, by the settings of 1.6 that they are.
func variables() map[string]string {
	return map[string]string{"AuthCtrlr.AuthorizeRemoteStart": "AuthorizeRemoteTxRequests",
		"AuthCtrlr.LocalAuthorizeOffline": "LocalAuthorizeOffline", "AuthCtrlr.LocalPreAuthorize": "LocalPreAuthorize",
		"AuthCtrlr.OfflineTxForUnknownIdEnabled": "AllowOfflineTxForUnknownId",
		"AuthCacheCtrlr.Enabled":                 "AuthorizationCacheEnabled",
		"TxCtrlr.StopTxOnInvalidId":              "StopTransactionOnInvalidId",
		"TxCtrlr.EVConnectionTimeOut":            "ConnectionTimeOut",
		"SampledDataCtrlr.TxUpdatedMeasurands":   "MeterValuesSampledData",
		"SampledDataCtrlr.TxUpdatedInterval":     "MeterValueSampleInterval",
		"OCPPCommCtrlr.HeartbeatInterval":        "HeartbeatInterval",
		"SmartChargingCtrlr.RateUnit":            "ChargingScheduleAllowedChargingRateUnit"}
}

func (c *Charger) getVariables(m v2.GetVariables) (out v2.GetResults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range m.Data {
		r := v2.VariableResult{Status: "UnknownVariable", Component: d.Component, Variable: d.Variable}
		key := variables()[d.Component.Name+"."+d.Variable.Name]
		switch {
		case d.Component.Name+"."+d.Variable.Name == "SmartChargingCtrlr.Enabled":
			r.Status, r.Value = v16.ResultAccepted, fmt.Sprint(!c.has(NoFuse))
		case slices.Contains(slices.Collect(maps.Keys(c.settings)), key):
			r.Status, r.Value = v16.ResultAccepted, c.settings[key]
		}
		out.Results = append(out.Results, r)
	}
	return out
}

func (c *Charger) setVariables(m v2.SetVariables) (out v2.SetResults) {
	for _, d := range m.Data {
		r := v2.VariableResult{Status: "UnknownVariable", Component: d.Component, Variable: d.Variable}
		if d.Component.Name == "SecurityCtrlr" && d.Variable.Name == "BasicAuthPassword" && len(d.Value) >= 16 {
			c.mu.Lock()
			c.Password = d.Value
			c.mu.Unlock()
			r.Status = v16.ResultAccepted
		}
		if key := variables()[d.Component.Name+"."+d.Variable.Name]; key != "" {
			r.Status = c.change(v16.ChangeConfiguration{Key: key, Value: d.Value})
		}
		out.Results = append(out.Results, r)
	}
	return out
}
