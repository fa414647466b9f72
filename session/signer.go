package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"kioskd"
)

// What the goroutine that owns a bay's meter does where the meter signs.

const (
	signTries  = 3               // to begin, before the driver's hold is given back
	signWithin = time.Minute     // the end must be signed, or the session costs nothing
	checkEvery = time.Minute     // whether the meter signs, while it does not
	signPause  = 2 * time.Second // between two tries

	unprovenPause = time.Hour
)

// errNoRecord is of a meter that signed the end, and handed out nothing.
var errNoRecord = errors.New("the meter handed out no record")

// errClock keeps a meter from signing a wrong time.
var errClock = errors.New("the clock is not to be trusted, and the meter would sign a wrong time")

// checkSigner makes sure, while no session has the bay, that its meter signs as it is known to: at the start, and until
// it does again.
func (w *bayWorker) checkSigner(ctx context.Context) {
	if w.bay.Signer == nil || time.Now().Before(w.checkAt) {
		return
	}
	if _, taken := w.c.state().AtBay(w.bay.Number); taken {
		return
	}
	w.checkAt = time.Now().Add(checkEvery)
	var err error
	switch {
	case !w.c.cfg.Clock.Trusted():
		w.signs, err = false, errClock
	case !w.signs:
		err = w.again(ctx, func() error {
			return errors.Join(w.bay.Signer.Check(ctx), w.rescue(ctx))
		})
		w.signs = err == nil
	}
	w.notify(ctx, kiosk.FaultMeterUnsigned, err != nil, err)
}

// again tries what a disturbed line may have kept from succeeding.
func (w *bayWorker) again(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		w.readings.goOn()
		err := f()
		if err == nil || n == signTries || !pause(ctx, signPause) {
			return err
		}
	}
}

// rescue ends what is open in the meter, and keeps what it had signed of it.
func (w *bayWorker) rescue(ctx context.Context) error {
	if len(w.rescued) == 0 {
		records, err := w.bay.Signer.Rescue(ctx, w.c.now())
		if err != nil || len(records) == 0 {
			return err
		}
		w.rescued = records // which the meter may not hand out again
	}
	if err := w.c.Do(ctx, Observation{What: SigningFound, Bay: w.bay.Number, Records: w.rescued}); err != nil {
		return err
	}
	w.rescued = nil
	return w.bay.Signer.Done(ctx)
}

// signFirst lets the meter sign the beginning of a session.
func (w *bayWorker) signFirst(ctx context.Context, cmd Command, o *Observation) {
	o.Err = errors.New("the bay's meter signs nothing")
	if w.bay.Signer != nil {
		o.Err = w.again(ctx, func() (err error) {
			o.Records, err = w.beginsSigning(ctx, cmd.Signing)
			return err
		})
	}
	if o.Err == nil {
		o.Reading, o.Err = w.stable(ctx)
	}
	if o.Err == nil {
		w.signs, w.unbegun = true, 0
		return
	}
	w.unbegun++
	w.outOfOrder(ctx, o.Err, min(checkEvery<<min(w.unbegun-1, 6), unprovenPause))
}

// outOfOrder takes the bay out of order, until the meter is found to sign again, and at least for a while.
func (w *bayWorker) outOfOrder(ctx context.Context, why error, pause time.Duration) {
	w.signs, w.checkAt = false, time.Now().Add(pause)
	w.notify(ctx, kiosk.FaultMeterUnsigned, true, why)
}

// beginsSigning begins a transaction in the meter that the key is of. One that is open there, perhaps because an answer
// was lost, is ended before.
func (w *bayWorker) beginsSigning(ctx context.Context, s kiosk.Signing) ([]string, error) {
	if err := w.bay.Signer.Check(ctx); err != nil {
		return nil, err
	}
	s.At = w.c.now()
	records, err := w.bay.Signer.Begin(ctx, s)
	if !errors.Is(err, kiosk.ErrSigning) {
		return records, err
	}
	if err := w.rescue(ctx); err != nil {
		return nil, err
	}
	return w.bay.Signer.Begin(ctx, s)
}

// signLast lets the meter sign the end of a session, reads the register, and judges what was signed.
func (w *bayWorker) signLast(ctx context.Context, cmd Command, o *Observation) {
	if w.bay.Signer == nil { // it no longer is configured to
		o.Reading, o.Err = w.stable(ctx)
		return
	}
	shortest := w.bay.Signer.Shortest()
	young := min(shortest, max(0, shortest-w.c.now().Sub(cmd.Claim.Began.At))) // the clock may have been set
	var records []string
	for end := time.Now().Add(young + signWithin); ; {
		w.readings.goOn()
		s := cmd.Signing
		s.At = w.c.now()
		more, err := w.bay.Signer.End(ctx, s)
		if len(more) > 0 { // it need not hand them out again
			records = more
		}
		o.Reading, o.Err = w.stable(ctx)
		over := kiosk.FaultOf(o.Err) == kiosk.FaultMeterOther || time.Now().After(end)
		if err == nil && o.Err == nil || over || !pause(ctx, signPause) {
			o.Signed = w.judged(ctx, cmd, records, o.Reading, cmp.Or(err, o.Err))
			w.proven(ctx, o.Signed.Error)
			return
		}
	}
}

// proven takes a bay out of order whose meter signed what proves nothing, until it signs as it is known to; where that
// was no proof twice in a row, for an hour: each try gives a vehicle its energy for nothing.
func (w *bayWorker) proven(ctx context.Context, wrong string) {
	if wrong == "" {
		w.signs, w.unproven = true, 0
		return
	}
	w.unproven++
	pause := checkEvery
	if w.unproven > 1 {
		pause = unprovenPause
	}
	w.outOfOrder(ctx, errors.New(wrong), pause)
}

// judged is what was signed, judged by the register; where that does not stand still, by where it is now.
func (w *bayWorker) judged(ctx context.Context, cmd Command, records []string, ended *kiosk.Reading,
	failed error) *kiosk.SignedReading {
	all := append(slices.Clone(cmd.Records), records...)
	if ended == nil {
		if now, err := w.bay.Meter.Read(ctx); err == nil {
			now.At = w.c.now()
			ended = &now
		}
	}
	if len(records) == 0 || ended == nil {
		return &kiosk.SignedReading{Records: all, Error: cmp.Or(failed, errNoRecord).Error()}
	}
	cmd.Claim.Ended, cmd.Claim.AnyTime = *ended, cmd.Claim.AnyTime || !w.c.cfg.Clock.Trusted()
	signed := w.bay.Signer.Prove(all, cmd.Claim)
	return &signed
}

// kept lets the meter forget what is on disk. Where it does not, the next session's beginning does.
func (w *bayWorker) kept(ctx context.Context) {
	if w.bay.Signer == nil {
		return
	}
	if err := w.again(ctx, func() error { return w.bay.Signer.Done(ctx) }); err != nil {
		w.c.cfg.Log.Warn("the meter keeps a signed record", "bay", w.bay.Number, "error", err)
	}
}

// drop ends what the meter signs for no session any longer.
func (w *bayWorker) drop(ctx context.Context) {
	if w.bay.Signer == nil {
		return
	}
	if err := w.again(ctx, func() error { return w.rescue(ctx) }); err != nil { // it would refuse the next session
		w.outOfOrder(ctx, err, checkEvery)
	}
}
