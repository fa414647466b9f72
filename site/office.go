package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/ocpi"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/store"
)

// office is what an operator asks of a running daemon about its back office, and about money
// that was given back elsewhere.
type office struct {
	c       *config.Config
	journal *store.Store
	control *session.Controller
	up      *uplink // nil for none
	devices *devices

	refunding *sync.Mutex // of the site: each refund looks at what is left
}

// Office implements api.Site.
func (o *office) Office(ctx context.Context) (out api.Office, err error) {
	if o.up != nil {
		out.Configured, out.URL, out.Status = true, o.c.Uplink.Servers, o.up.Status()
	}
	var err1, err2, err3 error
	out.Backlog, err1 = o.journal.Backlog(ctx)
	out.Parked, err2 = o.journal.Parked(ctx)
	_, out.Checkpoint, err3 = o.journal.Acked(ctx)
	return out, errors.Join(err1, err2, err3)
}

// findings are what the doctor says of the back office; none without one.
func (o *office) findings() []api.Finding {
	if o.up == nil {
		return nil
	}
	st := o.up.Status()
	f := api.Finding{Device: "back office", Identity: o.c.Uplink.Servers, OK: st.Class == backoffice.Connected,
		What: string(st.Class)}
	if st.Why != "" {
		f.What, f.Fault = st.Why, kiosk.FaultOfficeSilent
	}
	if st.Class == backoffice.Conflict { // it is not silent, and its cure is another
		f.Fault = kiosk.FaultOfficeDiffers
	}
	return []api.Finding{f}
}

// checkOffice asks the back office itself, while no daemon does.
func (d direct) checkOffice(ctx context.Context) api.Finding {
	return check("back office", kiosk.FaultOfficeSilent, func() (string, error) {
		journal, err := store.OpenReader(ctx, d.c.Journal)
		if err != nil {
			return "", err
		}
		defer journal.Close()
		if _, err := os.Stat(checkpointKeyPath(d.c)); err != nil {
			return "", fmt.Errorf("it has no key yet that signs its checkpoints: start kioskd once (%w)", err)
		}
		clock := session.NewClock(time.Now, synced(d.c.ClockRTC))
		sync, err := newSync(d.c, journal, clock, &instructionRunner{}, QuietLog(), false)
		if err != nil {
			return "", err
		}
		a, err := sync.Ask(ctx)
		return fmt.Sprintf("%s has %d records", d.c.Uplink.Servers, a.Seq), err
	})
}

// errNoOffice is for what needs one.
var errNoOffice = errors.New("no back office is configured")

// SendAgain implements api.Site.
func (o *office) SendAgain(ctx context.Context) (api.Done, error) {
	if o.up == nil {
		return api.Done{}, errNoOffice
	}
	err := o.journal.SendAgain(ctx)
	o.up.Hurry()
	return api.Done{Done: true}, err
}

// SendNow implements api.Site.
func (o *office) SendNow(context.Context) (api.Done, error) {
	if o.up == nil {
		return api.Done{}, errNoOffice
	}
	o.up.Hurry()
	return api.Done{Done: true}, nil
}

// longestWhy is the longest reason of a refund, in characters.
const longestWhy = 500

// Refund writes down that a person gave money back outside of the terminal, which needs the
// card for it. It never exceeds what was taken.
func (o *office) Refund(ctx context.Context, reference, amount, by, why string) (api.Refunded, error) {
	return o.RefundOnce(ctx, reference, amount, by, why, "")
}

// RefundOnce implements web.Site. With a key that the session has a refund of it changes nothing, and answers as then.
func (o *office) RefundOnce(ctx context.Context, reference, amount, by, why, key string) (api.Refunded, error) {
	o.refunding.Lock()
	defer o.refunding.Unlock()
	out := api.Refunded{Reference: reference}
	by, why = kiosk.MaskNumbers(by), kiosk.MaskNumbers(why)
	switch {
	case by == "":
		return out, errors.New("cannot refund: the name of the person who gave the money back is missing")
	case len([]rune(why)) > longestWhy:
		return out, fmt.Errorf("cannot refund: the reason has more than %d characters", longestWhy)
	}
	id, err := o.journal.Find(ctx, reference)
	if err != nil {
		return out, err
	}
	r, err := receipt.From(ctx, o.journal.Session(ctx, id), o.journal.TreeHash)
	if err != nil {
		return out, err
	}
	if !r.Settled || r.Paid.Minor == 0 {
		return out, fmt.Errorf("nothing was taken for session %s", reference)
	}
	out.Left = r.Paid
	if r.Refunded != nil {
		out.Left, err = out.Left.Sub(*r.Refunded)
		if err != nil {
			return out, err
		}
	}
	out.Refunded, err = kiosk.ParseMoney(amount, out.Left.Currency)
	if err != nil {
		return out, err
	}
	told, err := o.told(ctx, key)
	switch {
	case err != nil:
		return out, err
	case told != nil && !sameRefund(*told, id, out.Refunded, by):
		return out, fmt.Errorf("cannot refund %v: with this key another refund was written down", out.Refunded)
	case told != nil:
		return out, nil
	}
	if out.Refunded.Minor <= 0 || out.Refunded.Minor > out.Left.Minor {
		return out, fmt.Errorf("cannot refund %v: %v is left of what was taken", out.Refunded, out.Left)
	}
	credits, err := ocpi.Refund(o.journal.Session(ctx, id), out.Left, out.Refunded, why, o.control.Snapshot().At)
	if err != nil {
		return out, err
	}
	out.Left, err = out.Left.Sub(out.Refunded)
	if err != nil {
		return out, err
	}
	return out, o.control.Do(context.WithoutCancel(ctx), session.Observation{What: session.RefundTold, Session: id,
		Amount: &out.Refunded, By: by, Note: why, Key: key, Derived: credits})
}

// sameRefund tells whether a refund is the one of a session, an amount and a person.
func sameRefund(e session.Event, id string, amount kiosk.Money, by string) bool {
	b := e.Body.(session.RefundBody)
	return e.Session == id && b.Amount == amount && b.By == by
}

// told is the refund that was told with a key; nil where there is none.
func (o *office) told(ctx context.Context, key string) (*session.Event, error) {
	if key == "" {
		return nil, nil
	}
	for r, err := range o.journal.Matching(ctx, string(session.Refunded), "$.key", key) {
		if err != nil {
			return nil, err
		}
		e, err := session.FromRecord(r)
		return &e, err
	}
	return nil, nil
}
