package csms

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// Site is what a site lets an operator see and do. An error is the reason why it does not do it.
type Site interface {
	EVSEs() []EVSE
	Faults() []Fault
	// Changed tells when one of them may be another.
	Changed() (changed <-chan struct{}, cancel func())
	// Start lets a vehicle charge at an EVSE for nothing that the kiosk is paid.
	Start(ctx context.Context, evse, remote int, token v2.IDToken) error
	Stop(ctx context.Context, transaction string) error
	// Runs tells whether a transaction is not over.
	Runs(transaction string) bool
	// Operate opens or closes an EVSE to new drivers, all with 0; later is true where one charges there until then.
	Operate(ctx context.Context, evse int, on bool) (later bool, err error)
	// Keep holds an EVSE back from drivers at the kiosk for a time: a driver pays for it at a web page.
	Keep(ctx context.Context, evse int, d time.Duration) error
	// Reset ends the daemon in order: at once, or when no driver needs it any longer.
	Reset(ctx context.Context, onIdle bool) (later bool, err error)
	Tariff() v2.Assignment
	SetTariff(ctx context.Context, evse int, t v2.Tariff) error
	ClearTariff(ctx context.Context) error
	// Log is what a technician far away asks for, as JSON.
	Log(ctx context.Context) ([]byte, error)
	// MayUpload tells why a log may not go to an address.
	MayUpload(address string) error
}

// EVSE is one of the station's.
type EVSE struct {
	ID     int
	Status v2.ConnectorStatus
}

// Fault is something that a person must look at.
type Fault struct {
	EVSE int // 0 for the site
	Code string
	Text string
}

// Refusal is an error with the status that OCPP has for it.
type Refusal struct {
	Status string
	Code   string // a reason code of part 2's appendix, 20 characters at most
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// action answers a request.
type action func(context.Context, json.RawMessage) (any, error)

// on decodes a request.
func on[T any](f func(context.Context, T) (any, error)) action {
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		var m T
		if err := json.Unmarshal(payload, &m); err != nil {
			return nil, ocppj.Errorf(ocppj.TypeConstraint, "%v", err)
		}
		return f(ctx, m)
	}
}

// answer is the status of a request, and why it was not taken.
func answer(err error) v2.Answer {
	status, why := refused(err)
	return v2.Answer{Status: status, Why: why}
}

func refused(err error) (string, *v2.Why) {
	if err == nil {
		return v2.Accepted, nil
	}
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status, &v2.Why{Code: r.Code, Text: shortened(r.Text)}
	}
	return v2.Rejected, &v2.Why{Code: "InternalError", Text: shortened(err.Error())}
}

// shortened is a text that fits an additionalInfo.
func shortened(s string) string { return v2.Shortened(s, 1024) }

// handle answers a request of the operator.
func (s *Station) handle(ctx context.Context, name string, payload json.RawMessage) (any, error) {
	do, ok := s.actions[name]
	switch {
	case ok:
		return do(ctx, payload)
	case slices.Contains(useless, name):
		return nil, ocppj.Errorf(ocppj.NotSupported, "%s: a kiosk has no use for it", name)
	}
	return nil, ocppj.Errorf(ocppj.NotImplemented, "%.50s is not known", name)
}

// useless are requests of 2.1 that a kiosk does not carry out: it has no local list, no reservations, no display of the
// operator's, no certificates that come over this line, and its package manager updates it.
var useless = []string{"CancelReservation", "CertificateSigned", "ClearCache", "ClearChargingProfile",
	"ClearDisplayMessage", "ClearVariableMonitoring", "CostUpdated", "CustomerInformation", "DeleteCertificate",
	"GetChargingProfiles", "GetCompositeSchedule", "GetDisplayMessages", "GetInstalledCertificateIds",
	"GetLocalListVersion",
	"GetMonitoringReport", "InstallCertificate", "PublishFirmware", "ReserveNow",
	"SendLocalList", "SetChargingProfile", "SetDisplayMessage", "SetMonitoringBase", "SetMonitoringLevel",
	"SetNetworkProfile", "SetVariableMonitoring", "UnlockConnector", "UnpublishFirmware", "UpdateFirmware"}

// requests are those that are carried out.
func (s *Station) requests() map[string]action {
	return map[string]action{
		v2.ActionRequestStartTransaction: on(s.start),
		v2.ActionRequestStopTransaction: on(func(ctx context.Context, m v2.RequestStop) (any, error) {
			return answer(s.c.Site.Stop(ctx, m.Transaction)), nil
		}),
		v2.ActionGetTransactionStatus: on(s.transactionStatus),
		v2.ActionChangeAvailability:   on(s.availability),
		v2.ActionReset:                on(s.reset),
		v2.ActionTriggerMessage:       on(s.trigger),
		v2.ActionGetVariables: on(func(_ context.Context, m v2.GetVariables) (any, error) {
			return s.c.Model.get(m), nil
		}),
		v2.ActionSetVariables: on(func(_ context.Context, m v2.SetVariables) (any, error) {
			return s.c.Model.set(m), nil
		}),
		v2.ActionGetBaseReport: on(s.baseReport),
		v2.ActionGetReport:     on(s.report),
		v2.ActionSetDefaultTariff: on(func(ctx context.Context, m v2.SetDefaultTariff) (any, error) {
			return answer(s.c.Site.SetTariff(ctx, m.EVSE, m.Tariff)), nil
		}),
		v2.ActionGetTariffs:              on(s.tariffs),
		v2.ActionClearTariffs:            on(s.clearTariffs),
		v2.ActionChangeTransactionTariff: on(s.changeTariff),
		v2.ActionGetLog:                  on(s.log),
		v2.ActionNotifyWebPayment: on(func(ctx context.Context, m v2.NotifyWebPayment) (any, error) {
			if err := s.c.Site.Keep(ctx, m.EVSE, time.Duration(m.Timeout)*time.Second); err != nil {
				s.c.Log.Warn("bay is not kept for a web payment", "evse", m.EVSE, "error", err)
			}
			return struct{}{}, nil
		}),
		v2.ActionDataTransfer: on(func(context.Context, json.RawMessage) (any, error) {
			return v2.Answer{Status: "UnknownVendorId"}, nil
		}),
	}
}

func (s *Station) start(ctx context.Context, m v2.RequestStart) (any, error) {
	if !s.Status().Accepted {
		return answer(&Refusal{v2.Rejected, "NotEnabled", "BootNotification was not accepted yet"}), nil
	}
	if err := judgeToken(m.IDToken); err != nil {
		return answer(err), nil
	}
	return answer(s.c.Site.Start(ctx, m.EVSE, m.RemoteStart, m.IDToken)), nil
}

// Lengths of an IdTokenType of 2.1. Its types are of a list that may grow: letters and digits.
const (
	longestToken = 255
	longestType  = 20
)

// judgeToken tells why a token is none of OCPP's.
func judgeToken(t v2.IDToken) error {
	odd := func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' }
	plain := strings.ContainsFunc(t.Type, func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case t.Token == "" || len(t.Token) > longestToken:
		return &Refusal{v2.Rejected, "InvalidIdToken", "idToken: want 1 to 255 characters"}
	case t.Type == "" || len(t.Type) > longestType || !plain || strings.ContainsFunc(t.Type, odd):
		return &Refusal{v2.Rejected, "InvalidIdToken", "type: want one of OCPP's"}
	}
	return nil
}

func (s *Station) transactionStatus(ctx context.Context, m v2.GetTransactionStatus) (any, error) {
	queued, err := s.c.Queue.Waits(ctx)
	if err != nil {
		return nil, err
	}
	out := v2.TransactionStatus{Queued: queued}
	if m.Transaction != "" {
		runs := s.c.Site.Runs(m.Transaction)
		out.Ongoing = &runs
	}
	return out, nil
}

func (s *Station) availability(ctx context.Context, m v2.ChangeAvailability) (any, error) {
	evse := 0
	if m.EVSE != nil {
		evse = m.EVSE.ID
	}
	later, err := s.c.Site.Operate(ctx, evse, m.Status == "Operative")
	if err == nil && later {
		return v2.Answer{Status: v2.Scheduled}, nil
	}
	return answer(err), nil
}

func (s *Station) reset(ctx context.Context, m v2.Reset) (any, error) {
	switch {
	case m.EVSE != 0:
		return answer(&Refusal{v2.Rejected, "UnsupportedRequest", "an EVSE is not reset by itself"}), nil
	case m.Type != "Immediate" && m.Type != "OnIdle":
		return answer(&Refusal{v2.Rejected, "UnsupportedParam", m.Type + ": want Immediate or OnIdle"}), nil
	}
	later, err := s.c.Site.Reset(ctx, m.Type == "OnIdle")
	if err == nil && later {
		return v2.Answer{Status: v2.Scheduled}, nil
	}
	return answer(err), nil
}

func (s *Station) trigger(_ context.Context, m v2.TriggerMessage) (any, error) {
	switch m.Message {
	case v2.ActionBootNotification, v2.ActionHeartbeat, v2.ActionStatusNotification:
		s.mu.Lock()
		if m.Message == v2.ActionBootNotification && s.status.Accepted { // it was accepted already (F06.FR.17)
			s.mu.Unlock()
			return v2.Answer{Status: v2.Rejected}, nil
		}
		s.triggers[m.Message] = true
		s.mu.Unlock()
		select {
		case s.kick <- struct{}{}:
		default:
		}
		return v2.Answer{Status: v2.Accepted}, nil
	case v2.ActionLogStatus:
		if !s.later(func(ctx context.Context) { s.tellLog(ctx, v2.LogStatus{Status: "Idle"}) }) {
			return answer(errBusy), nil
		}
		return v2.Answer{Status: v2.Accepted}, nil
	}
	return v2.Answer{Status: "NotImplemented"}, nil
}

func (s *Station) tariffs(context.Context, v2.GetTariffs) (any, error) {
	return v2.TariffsResult{Status: v2.Accepted, Assignments: []v2.Assignment{s.c.Site.Tariff()}}, nil
}

// clearTariffs takes the operator's tariff away: the configuration's is sold by again. One that a driver agreed to is
// used until their transaction ends (I10).
func (s *Station) clearTariffs(ctx context.Context, m v2.ClearTariffs) (any, error) {
	now := s.c.Site.Tariff()
	var out v2.ClearTariffsResult
	ids := m.Tariffs
	if len(ids) == 0 {
		ids = []string{now.Tariff}
	}
	for _, id := range ids {
		if id != now.Tariff {
			out.Results = append(out.Results, v2.Cleared{Tariff: id, Status: "NoTariff"})
			continue
		}
		status, why := refused(s.c.Site.ClearTariff(ctx))
		out.Results = append(out.Results, v2.Cleared{Tariff: id, Status: status, Why: why})
	}
	return out, nil
}

// changeTariff refuses: a driver pays what they agreed to.
func (s *Station) changeTariff(_ context.Context, m v2.ChangeTransactionTariff) (any, error) {
	if !s.c.Site.Runs(m.Transaction) {
		return v2.Answer{Status: "TxNotFound"}, nil
	}
	return answer(&Refusal{v2.Rejected, "UnsupportedRequest", "a driver pays the price that they agreed to"}), nil
}

// baseReport tells of all variables, of those that can be set, or of what is there.
func (s *Station) baseReport(_ context.Context, m v2.GetBaseReport) (any, error) {
	all := s.c.Model.report(nil)
	switch m.Base {
	case "FullInventory":
	case "ConfigurationInventory":
		all = slices.DeleteFunc(all, func(v v2.ReportVariable) bool { return v.Attributes[0].Mutability == readOnly })
	case "SummaryInventory":
		all = slices.DeleteFunc(all, func(v v2.ReportVariable) bool {
			return !slices.Contains([]string{"Problem", "AvailabilityState", "Available", "Enabled"}, v.Variable.Name)
		})
	default:
		return v2.Answer{Status: "NotSupported"}, nil
	}
	return answer(s.sendReport(m.Request, all)), nil
}

func (s *Station) report(_ context.Context, m v2.GetReport) (any, error) {
	all := s.c.Model.report(m.Of)
	if len(m.Criteria) > 0 {
		all = slices.DeleteFunc(all, func(v v2.ReportVariable) bool {
			no := v.Variable.Name == "Problem" && v.Attributes[0].Value != "true"
			return no || !slices.Contains(m.Criteria, v.Variable.Name)
		})
	}
	if len(all) == 0 {
		return v2.Answer{Status: "EmptyResultSet"}, nil
	}
	return answer(s.sendReport(m.Request, all)), nil
}

// reportPart is how many variables one NotifyReport has.
const reportPart = 25

func (s *Station) sendReport(request int, all []v2.ReportVariable) error {
	if !s.Status().Accepted { // nothing is sent before (B02)
		return &Refusal{v2.Rejected, "NotEnabled", "BootNotification was not accepted yet"}
	}
	queued := s.later(func(ctx context.Context) {
		for n := 0; n == 0 || len(all) > 0; n++ {
			part := all[:min(reportPart, len(all))]
			all = all[len(part):]
			err := s.call(ctx, v2.ActionNotifyReport, v2.NotifyReport{Request: request, At: v16.At(s.c.Now()),
				More: len(all) > 0, Seq: n, Data: part}, nil)
			if err != nil {
				s.c.Log.Warn("operator did not take a report", "request", request, "error", err)
				return
			}
		}
	})
	if !queued {
		return errBusy
	}
	return nil
}

// errBusy is of what must wait: too much is asked for at once.
var errBusy = &Refusal{v2.Rejected, "OutOfMemory", "too much is asked for at once"}
