package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"kioskd"
	"kioskd/api"
	"kioskd/session"
)

// form is what a person tells the kiosk to do, with the scope that it needs. What it says is shown.
type form struct {
	path  string
	scope string
	do    func(*view) (said string, err error)
	again func(*view) error // shows what was typed again where it cannot be done; nil for what was not typed
}

// forms are all that pages have.
func (s *server) forms() []form {
	all := []form{
		{"/do/webhooks/{hook}/test", kiosk.ScopeAdmin, s.doHook("test web hook", s.site.TestHook), nil},
		{"/do/webhooks/{hook}/resume", kiosk.ScopeAdmin, s.doHook("resume web hook",
			func(_ context.Context, name string) error { return s.site.ResumeHook(name) }), nil},
		{"/do/verify", kiosk.ScopeReports, s.doVerify, nil},
	}
	if s.many != nil {
		return append(all, []form{
			{"/do/message", kiosk.ScopeControl, s.orderMessage, nil},
			{"/do/tariff", kiosk.ScopeMoney, s.orderTariff, s.showOrders},
			{"/do/sessions/{reference}/stop", kiosk.ScopeControl, s.orderStop, nil},
		}...)
	}
	return append(all, []form{
		{"/do/bays/{bay}/close", kiosk.ScopeControl, s.doShut(true), nil},
		{"/do/bays/{bay}/open", kiosk.ScopeControl, s.doShut(false), nil},
		{"/do/bays/{bay}/free", kiosk.ScopeMoney, s.doGrant, nil},
		{"/do/sessions/{reference}/stop", kiosk.ScopeControl, s.doStop, nil},
		{"/do/sessions/{reference}/refund", kiosk.ScopeMoney, s.doRefund, nil},
		{"/do/drain", kiosk.ScopeControl, s.doDrain, nil},
		{"/do/message", kiosk.ScopeControl, s.doMessage, nil},
		{"/do/tariff", kiosk.ScopeMoney, s.doTariff, s.showPrices},
		{"/do/inspect", kiosk.ScopeControl, s.doInspect, nil},
	}...)
}

func (s *server) doShut(shut bool) func(*view) (string, error) {
	what := map[bool]string{true: "close bay", false: "open bay"}[shut]
	return func(v *view) (string, error) {
		b, err := s.bayOf(v.r)
		if err != nil {
			return "", err
		}
		_, err = carry(s, v.r, session.NoteBody{By: v.who.Name, What: what, Detail: fmt.Sprint(b.Number)},
			func() (api.Done, error) { return s.one.ShutBay(v.r.Context(), b.Number, shut, v.who.Name) })
		return "", err
	}
}

func (s *server) doGrant(v *view) (string, error) {
	b, err := s.bayOf(v.r)
	if err != nil {
		return "", err
	}
	g, err := carry(s, v.r, session.NoteBody{By: v.who.Name, What: "free charge", Detail: fmt.Sprint(b.Number)},
		func() (Granted, error) { return s.one.Grant(v.r.Context(), b.Number, v.who.Name) })
	if err != nil {
		return "", err
	}
	return v.T("free.ok", "N", g.Bay, "Code", g.Code), nil
}

func (s *server) doStop(v *view) (string, error) {
	reference, err := s.referenceOf(v.r)
	if err != nil {
		return "", err
	}
	_, err = carry(s, v.r, session.NoteBody{By: v.who.Name, What: "stop session", Detail: reference},
		func() (api.Done, error) { return s.one.Stop(v.r.Context(), reference, v.who.Name) })
	return "", err
}

func (s *server) doRefund(v *view) (string, error) {
	reference, err := s.referenceOf(v.r)
	if err != nil {
		return "", err
	}
	amount := strings.Replace(v.r.PostFormValue("amount"), ",", ".", 1)
	why, key := v.r.PostFormValue("why"), v.r.PostFormValue("key")
	switch {
	case key == "":
		return "", &problem{http.StatusBadRequest, "the refund has no number"}
	case why == "":
		return "", &problem{http.StatusBadRequest, "the refund has no reason: the books ask for it"}
	}
	_, err = carry(s, v.r, session.NoteBody{By: v.who.Name, What: "refund", Detail: reference + " " + amount},
		func() (api.Refunded, error) {
			return s.one.RefundOnce(v.r.Context(), reference, amount, v.who.Name, why, "page "+reference+" "+key)
		})
	return "", err
}

func (s *server) doDrain(v *view) (string, error) {
	on := v.r.PostFormValue("on") != ""
	what := map[bool]string{true: "drain", false: "end drain"}[on]
	_, err := carry(s, v.r, session.NoteBody{By: v.who.Name, What: what},
		func() (api.Drained, error) { return s.one.Drain(v.r.Context(), on) })
	return "", err
}

// messageOf is the message that a person typed.
func (v *view) messageOf() kiosk.Instruction {
	in := kiosk.Instruction{ID: ulid.Make().String(), Do: kiosk.TaskMessage}
	if text := v.r.PostFormValue("text"); text != "" {
		in.Texts = map[string]string{"en": text, v.Language: text}
	}
	return in
}

func (s *server) doMessage(v *view) (string, error) {
	_, err := s.order(v.r, v.who.Name, "message", v.messageOf())
	return "", err
}

func (s *server) doTariff(v *view) (string, error) {
	in, err := s.tariffOf(v)
	if err == nil {
		_, err = s.order(v.r, v.who.Name, "tariff", in)
	}
	return "", err
}

// tariffOf is the tariff that a person typed. It wants their password again: a browser that was left open sets none.
func (s *server) tariffOf(v *view) (in kiosk.Instruction, err error) {
	err = s.proves(v.r, v.who, true, v.r.PostFormValue("password"), session.NoteBody{By: v.who.Name, What: "tariff",
		From: v.r.RemoteAddr})
	var out errKeptOut
	switch {
	case errors.As(err, &out):
		return in, &problem{http.StatusTooManyRequests, v.waits(out)}
	case errors.Is(err, errWrong):
		return in, &problem{http.StatusForbidden, v.T("web.refused")}
	case err != nil:
		return in, err
	}
	in = kiosk.Instruction{ID: ulid.Make().String(), Do: kiosk.TaskTariff, Accept: v.r.PostFormValue("accept"),
		Tariff: json.RawMessage(v.r.PostFormValue("tariff"))}
	if from := v.r.PostFormValue("from"); from != "" {
		at, err := time.ParseInLocation("2006-01-02T15:04", from, v.Now.At.Location())
		if err != nil {
			return in, &problem{http.StatusBadRequest, fmt.Sprintf("%q is not a time such as 2026-03-02T06:00", from)}
		}
		in.From = &at
	}
	if !json.Valid(in.Tariff) {
		var any json.RawMessage
		return in, &problem{http.StatusBadRequest, fmt.Sprintf("the tariff is not JSON: %v",
			json.Unmarshal(in.Tariff, &any))}
	}
	return in, nil
}

func (s *server) doVerify(v *view) (string, error) {
	if !s.verifying.TryLock() {
		return "", &problem{http.StatusConflict, "the journal is being verified"}
	}
	defer s.verifying.Unlock()
	n, err := s.site.Verify(v.r.Context())
	return v.T("journal.good", "N", n), err
}

func (s *server) doHook(what string, do func(context.Context, string) error) func(*view) (string, error) {
	return func(v *view) (string, error) {
		name, err := s.hookOf(v.r)
		if err != nil {
			return "", err
		}
		_, err = carry(s, v.r, session.NoteBody{By: v.who.Name, What: what, Detail: name},
			func() (api.Done, error) { return api.Done{}, do(v.r.Context(), name) })
		return "", err
	}
}

func (s *server) doInspect(v *view) (string, error) {
	device, serial := v.r.PostFormValue("device"), v.r.PostFormValue("serial")
	_, err := carry(s, v.r, session.NoteBody{By: v.who.Name, What: "inspect", Detail: device + " " + serial},
		func() (api.Done, error) {
			return s.one.Inspect(v.r.Context(), device, serial, v.r.PostFormValue("found"), v.who.Name)
		})
	return "", err
}
