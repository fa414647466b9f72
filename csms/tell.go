package csms

import (
	"context"
	"errors"
	"fmt"
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
	s.mu.Lock()
	since := s.since
	s.mu.Unlock()
	payload := m.Payload
	if e, ok := payload.(*v2.TransactionEvent); ok && m.At.Before(since) {
		late := *e
		late.Offline = true
		payload = &late
	}
	attempts := s.c.Model.number("OCPPCommCtrlr", "MessageAttempts")
	pause := s.c.Model.seconds("OCPPCommCtrlr", "MessageAttemptInterval", time.Minute)
	for n := 1; ; n++ {
		var result v2.TransactionResult
		err := s.call(ctx, m.Action, payload, &result)
		switch {
		case err == nil:
			s.answered(ctx, m, result)
			return s.c.Queue.Told(ctx, m)
		case errors.Is(err, ocppj.ErrClosed), ctx.Err() != nil: // it is sent again over the next connection
			return err
		case n >= attempts:
			s.c.Log.Warn("operator does not take a message: it is kept", "action", m.Action, "error", err)
			return s.c.Queue.Park(ctx, m, err)
		}
		s.c.Log.Warn("operator does not take a message", "action", m.Action, "attempt", n, "error", err)
		if !wait(ctx, time.Duration(n)*pause) {
			return ctx.Err()
		}
	}
}

// answered does what the answer to an event says: a token that is not accepted ends its transaction (E05).
func (s *Station) answered(ctx context.Context, m *Message, r v2.TransactionResult) {
	e, ok := m.Payload.(*v2.TransactionEvent)
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
	s.mu.Lock()
	ready := s.accepted
	s.mu.Unlock()
	if !ready {
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
	told, faults := map[int]v2.ConnectorStatus{}, map[Fault]bool{}
	s.security(ctx)
	for ctx.Err() == nil {
		err := s.tellStates(ctx, told, faults)
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

// security tells that the station began: once a connection, as nothing else says that it was away.
func (s *Station) security(ctx context.Context) {
	err := s.call(ctx, v2.ActionSecurityEvent, v2.SecurityEvent{Type: "StartupOfTheDevice", At: v16.At(s.c.Now())}, nil)
	if err != nil {
		s.c.Log.Warn("operator did not take a security event", "error", err)
	}
}

// tellStates tells what is not known to the operator.
func (s *Station) tellStates(ctx context.Context, told map[int]v2.ConnectorStatus, faults map[Fault]bool) error {
	for _, e := range s.c.Site.EVSEs() {
		if told[e.ID] == e.Status {
			continue
		}
		if err := s.call(ctx, v2.ActionStatusNotification, v2.StatusNotification{Timestamp: v16.At(s.c.Now()),
			Status: e.Status, EVSE: e.ID, Connector: 1}, nil); err != nil {
			return err
		}
		told[e.ID] = e.Status
	}
	now := map[Fault]bool{}
	for _, f := range s.c.Site.Faults() {
		now[f] = true
		if !faults[f] {
			if err := s.problem(ctx, f, false); err != nil {
				return err
			}
			faults[f] = true
		}
	}
	for f := range faults {
		if !now[f] {
			if err := s.problem(ctx, f, true); err != nil {
				return err
			}
			delete(faults, f)
		}
	}
	return nil
}

// problem tells of a fault as a variable Problem that changed (N07).
func (s *Station) problem(ctx context.Context, f Fault, over bool) error {
	s.mu.Lock()
	n := s.eventSeq
	s.eventSeq++
	s.mu.Unlock()
	component := v2.Component{Name: "ChargingStation"}
	if f.EVSE > 0 {
		component = v2.Component{Name: "EVSE", EVSE: &v2.EVSE{ID: f.EVSE}}
	}
	value := "true"
	if over {
		value = "false"
	}
	at := v16.At(s.c.Now())
	return s.call(ctx, v2.ActionNotifyEvent, v2.NotifyEvent{GeneratedAt: at, Events: []v2.Event{{ID: n, Timestamp: at,
		Trigger: "Alerting", Value: value, TechCode: f.Code, TechInfo: f.Text, Cleared: over, Component: component,
		Variable: v2.Variable{Name: "Problem"}, Notification: "HardWiredNotification"}}}, nil)
}
