package csms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// tell sends what the queue has, each message until it is answered or parked.
func (s *Station) tell(ctx context.Context) {
	for ctx.Err() == nil {
		m, err := s.c.Queue.Next(ctx)
		if err == nil && m != nil {
			err = s.deliver(ctx, m)
		}
		if errors.Is(err, ocppj.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			s.c.Log.Error("operator was not told", "error", err)
		}
		if (err != nil || m == nil) && !wait(ctx, queueEvery) {
			return
		}
	}
}

// deliver sends a message up to MessageAttempts times, and then parks it (E13).
func (s *Station) deliver(ctx context.Context, m *Message) error {
	since := s.Status().Since // it is accepted since then
	if e, ok := m.Payload.(*v2.TransactionEvent); ok && m.At.Before(since) {
		late := *e
		late.Offline = true
		m.Payload = &late
	}
	attempts := s.c.Model.number("OCPPCommCtrlr", "MessageAttempts")
	pause := s.c.Model.seconds("OCPPCommCtrlr", "MessageAttemptInterval", time.Minute)
	for n := 1; ; n++ {
		var result json.RawMessage
		err := s.call(ctx, m.Action, m.Payload, &result)
		switch {
		case err == nil:
			s.answered(ctx, m, result)
			return s.written(ctx, func() error { return s.c.Queue.Told(ctx, m) })
		case errors.Is(err, ocppj.ErrClosed), ctx.Err() != nil: // it is sent again over the next connection
			return err
		case n >= attempts:
			s.c.Log.Warn("operator does not take a message: it is kept", "action", m.Action, "error", err)
			return s.written(ctx, func() error { return s.c.Queue.Park(ctx, m, err) })
		}
		s.c.Log.Warn("operator does not take a message", "action", m.Action, "attempt", n, "error", err)
		if !wait(ctx, time.Duration(n)*pause) {
			return ctx.Err()
		}
	}
}

// written writes down what became of a message, until that is written: it is not sent again meanwhile.
func (s *Station) written(ctx context.Context, write func() error) error {
	for {
		err := write()
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.c.Log.Error("what the operator was told is not written down", "error", err)
		if !wait(ctx, queueEvery) {
			return ctx.Err()
		}
	}
}

// answered does what the answer to an event says: a token that is not accepted ends its transaction (E05).
func (s *Station) answered(ctx context.Context, m *Message, result json.RawMessage) {
	e, ok := m.Payload.(*v2.TransactionEvent)
	var r v2.TransactionResult
	if ok {
		if err := json.Unmarshal(result, &r); err != nil { // it has the message all the same
			s.c.Log.Warn("operator's answer cannot be read", "action", m.Action, "error", err)
			return
		}
	}
	if !ok || e.Type == v2.Ended || r.TokenInfo == nil || r.TokenInfo.Status == v16.AuthAccepted {
		return
	}
	s.c.Log.Warn("operator does not accept a token: its transaction is ended", "transaction", e.Info.ID, "status",
		r.TokenInfo.Status)
	if err := s.c.Site.Stop(ctx, e.Info.ID); err != nil {
		s.c.Log.Warn("transaction was not ended", "transaction", e.Info.ID, "error", err)
	}
}

// Authorize asks the operator about a token (C18). It is an error where the operator says no, and ErrAway where it
// cannot be asked: then the kiosk decides.
func (s *Station) Authorize(ctx context.Context, token v2.IDToken) error {
	if !s.Status().Accepted {
		return ErrAway
	}
	var r v2.AuthorizeResult
	err := s.call(ctx, v2.ActionAuthorize, v2.Authorize{IDToken: token}, &r)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrAway, err)
	case r.Info.Status != v16.AuthAccepted:
		return fmt.Errorf("the operator says %s", r.Info.Status)
	case r.Tariff != nil: // TariffCostCtrlr.HandleFailedTariff: UseDefaultTariff
		s.c.Log.Warn("operator has a tariff of its own for a payment: the driver pays the price that they saw",
			"tariff", r.Tariff.ID)
	}
	return nil
}

// ErrAway means that the operator cannot be asked.
var ErrAway = errors.New("the operator cannot be asked")

// watch tells of EVSEs and faults when they change, and of all of them where the operator asks.
func (s *Station) watch(ctx context.Context) {
	changed, cancel := s.c.Site.Changed()
	defer cancel()
	told := map[int]v2.ConnectorStatus{}
	s.security(ctx)
	for ctx.Err() == nil {
		err := s.tellStates(ctx, told)
		if errors.Is(err, ocppj.ErrClosed) {
			return
		}
		if err != nil {
			s.c.Log.Warn("operator was not told what is there", "error", err)
		}
		again := time.NewTimer(queueEvery)
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		s.mu.Lock()
		if s.triggers[v2.ActionStatusNotification] {
			delete(s.triggers, v2.ActionStatusNotification)
			clear(told)
		}
		s.mu.Unlock()
	}
}

// security tells that the station began.
func (s *Station) security(ctx context.Context) {
	if s.started {
		return
	}
	err := s.notify(ctx, v2.ActionSecurityEvent, v2.SecurityEvent{Type: "StartupOfTheDevice", At: v16.At(s.c.Now())})
	if err == nil {
		err = s.wellAgain(ctx)
	}
	if err != nil {
		s.c.Log.Warn("operator was not told that the station began", "error", err)
	}
	s.started = err == nil
}

// wellAgain tells of all that has no fault: what the operator knows may be of before the station was off.
func (s *Station) wellAgain(ctx context.Context) error {
	bad := map[int]bool{}
	for _, f := range s.c.Site.Faults() {
		bad[f.EVSE] = true
	}
	at, all := v16.At(s.c.Now()), []v2.Event{}
	for _, e := range append([]EVSE{{}}, s.c.Site.EVSEs()...) {
		if bad[e.ID] {
			continue
		}
		all = append(all, v2.Event{ID: s.nextEvent(), Timestamp: at, Trigger: "Periodic", Value: "false",
			Component: componentOf(e.ID), Variable: v2.Variable{Name: "Problem"},
			Notification: "HardWiredNotification"})
	}
	if len(all) == 0 {
		return nil
	}
	return s.notify(ctx, v2.ActionNotifyEvent, v2.NotifyEvent{GeneratedAt: at, Events: all})
}

// nextEvent numbers events.
func (s *Station) nextEvent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eventSeq++
	return s.eventSeq
}

// componentOf is an EVSE in the device model; 0 is the station.
func componentOf(evse int) v2.Component {
	if evse > 0 {
		return v2.Component{Name: "EVSE", EVSE: &v2.EVSE{ID: evse}}
	}
	return v2.Component{Name: "ChargingStation"}
}

// notify tells what is told once: an operator that refuses it is not told again.
func (s *Station) notify(ctx context.Context, action string, m any) error {
	err := s.call(ctx, action, m, nil)
	var no *ocppj.Error
	if errors.As(err, &no) {
		s.c.Log.Warn("operator does not take a notification", "action", action, "error", err)
		return nil
	}
	return err
}

// tellStates tells what is not known to the operator.
func (s *Station) tellStates(ctx context.Context, told map[int]v2.ConnectorStatus) error {
	for _, e := range s.c.Site.EVSEs() {
		if told[e.ID] == e.Status {
			continue
		}
		if err := s.notify(ctx, v2.ActionStatusNotification, v2.StatusNotification{Timestamp: v16.At(s.c.Now()),
			Status: e.Status, EVSE: e.ID, Connector: 1}); err != nil {
			return err
		}
		told[e.ID] = e.Status
	}
	return s.tellFaults(ctx)
}

// tellFaults tells of faults that came, and of those that went: Problem is true while an EVSE has one.
func (s *Station) tellFaults(ctx context.Context) error {
	now := map[Fault]bool{}
	left := map[int]int{}
	for _, f := range s.c.Site.Faults() {
		now[f] = true
		left[f.EVSE]++
	}
	for f := range now {
		if s.faults[f] {
			continue
		}
		if err := s.problem(ctx, f, true, false); err != nil {
			return err
		}
		s.faults[f] = true
	}
	for f := range s.faults {
		if now[f] {
			continue
		}
		if err := s.problem(ctx, f, left[f.EVSE] > 0, true); err != nil {
			return err
		}
		delete(s.faults, f)
	}
	return nil
}

// problem tells of a fault as a variable Problem that changed (N07).
func (s *Station) problem(ctx context.Context, f Fault, is, over bool) error {
	value := strconv.FormatBool(is)
	at := v16.At(s.c.Now())
	return s.notify(ctx, v2.ActionNotifyEvent, v2.NotifyEvent{GeneratedAt: at, Events: []v2.Event{{ID: s.nextEvent(),
		Timestamp: at, Trigger: "Alerting", Value: value, TechCode: f.Code, TechInfo: f.Text, Cleared: over,
		Component: componentOf(f.EVSE), Variable: v2.Variable{Name: "Problem"},
		Notification: "HardWiredNotification"}}})
}
