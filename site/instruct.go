package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/session"
	"kioskd/store"
)

// instructionRunner carries out what a back office wants: once, written down before and after, and
// only what breaks no promise. It runs on one goroutine.
type instructionRunner struct {
	by      string // who instructs: backoffice and the name of its key
	journal *store.Store
	owner   owner
	clock   *session.Clock
	prices  *priceSchedule
	report  func(context.Context) (json.RawMessage, error) // of everything, for a technician who is far away
	log     *slog.Logger
	resumed bool
}

// by is how the journal names a back office.
const ByOffice = "backoffice:"

// Instruct is what backoffice.Config wants.
func (i *instructionRunner) Instruct(ctx context.Context, in kiosk.Instruction, signed string) {
	if err := i.resume(ctx); err != nil {
		i.log.Error("instructions of before", "error", err)
		return
	}
	known, err := i.known(ctx, in.ID)
	switch {
	case err != nil:
		i.log.Error("instruction", "id", in.ID, "error", err)
		return
	case known:
		return
	case !i.clock.Trusted(): // it comes again
		i.log.Warn("an instruction waits until the clock is right", "id", in.ID)
		return
	}
	if err := backoffice.InTime(in, i.clock.Now()); err != nil {
		i.ended(ctx, in, outcome{}, err)
		return
	}
	if err := i.owner.control.Do(ctx, session.Observation{What: session.InstructionGiven, By: i.by, Instruction: &in,
		Note: signed}); err != nil {
		i.log.Error("instruction", "id", in.ID, "error", err)
		return
	}
	i.do(ctx, in)
}

// order carries out what a person or a program of the host instructs, once for each id: told again, it changes nothing
// and says what became of it. One that was taken, and not done because the daemon ended, is done then: each can be done
// twice without harm.
func (i *instructionRunner) order(ctx context.Context, in kiosk.Instruction, by string) error {
	mine := *i
	mine.by = by
	if err := in.Check(); err != nil { // no program fills the journal with what cannot be done
		return err
	}
	if err := mine.sameAs(ctx, in); err != nil {
		return err
	}
	ended, why, err := mine.became(ctx, in.ID)
	if ended || err != nil {
		return errors.Join(why, err)
	}
	switch {
	case !mine.clock.Trusted():
		return errors.New("the clock may be wrong: nothing is done at a time that may be another")
	case in.From != nil && in.From.Before(mine.clock.Now().Add(-time.Minute)):
		return fmt.Errorf("%s is over: want a time to come, or none for now", in.From.Format(time.RFC3339))
	}
	if err := mine.owner.control.Do(ctx, session.Observation{What: session.InstructionGiven, By: by,
		Instruction: &in}); err != nil {
		return err
	}
	done, why := mine.carryOut(ctx, in)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute) // it is as good as done
	defer stop()
	return errors.Join(why, mine.end(ctx, in, done, why))
}

// sameAs tells why an instruction is not the one of its id that was taken before.
func (i *instructionRunner) sameAs(ctx context.Context, in kiosk.Instruction) error {
	for r, err := range i.journal.Matching(ctx, string(session.InstructionTaken), "$.instruction.id", in.ID) {
		if err != nil {
			return err
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return err
		}
		was := e.Body.(session.InstructionBody).Instruction
		was.Issued, was.Expires, in.Issued, in.Expires = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		a, errA := json.Marshal(was)
		b, errB := json.Marshal(in)
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return errors.New("with this key another command was given")
		}
	}
	return nil
}

// became tells whether an instruction has ended, and why it was refused; nil where it was not.
func (i *instructionRunner) became(ctx context.Context, id string) (ended bool, why, err error) {
	for _, kind := range []session.Kind{session.InstructionDone, session.InstructionRefused} {
		for r, err := range i.journal.Matching(ctx, string(kind), "$.instruction.id", id) {
			if err != nil {
				return false, nil, err
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return false, nil, err
			}
			if said := e.Failure(); said != "" {
				return true, errors.New(said), nil
			}
			return true, nil, nil
		}
	}
	return false, nil, nil
}

// known tells whether the journal has an instruction.
func (i *instructionRunner) known(ctx context.Context, id string) (bool, error) {
	for _, kind := range []session.Kind{session.InstructionTaken, session.InstructionRefused} {
		for _, err := range i.journal.Matching(ctx, string(kind), "$.instruction.id", id) {
			return err == nil, err
		}
	}
	return false, nil
}

// resume ends what was taken before the daemon ended, and not done: it is carried out if it is
// still in time. Each can be done twice without harm.
func (i *instructionRunner) resume(ctx context.Context) error {
	if i.resumed || !i.clock.Trusted() { // whether one is in time is not known yet
		return nil
	}
	i.resumed = true
	ended := map[string]bool{}
	var open []kiosk.Instruction
	for _, kind := range []session.Kind{session.InstructionDone, session.InstructionRefused, session.InstructionTaken} {
		for r, err := range i.journal.Newest(ctx, string(kind)) {
			if err != nil {
				return err
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return err
			}
			switch in := e.Body.(session.InstructionBody).Instruction; {
			case kind != session.InstructionTaken:
				ended[in.ID] = true
			case !ended[in.ID]:
				open = append(open, in)
			}
		}
	}
	for _, in := range slices.Backward(open) { // the oldest first
		if err := backoffice.InTime(in, i.clock.Now()); err != nil {
			i.ended(ctx, in, outcome{}, fmt.Errorf("the kiosk was away: %w", err))
			continue
		}
		done, err := i.carryOut(ctx, in)
		if errors.Is(err, errAlready) { // it was done before the kiosk ended
			err = nil
		}
		i.ended(ctx, in, done, err)
	}
	return nil
}

// errAlready means that things are as an instruction wants them.
var errAlready = errors.New("it is so already")

func (i *instructionRunner) do(ctx context.Context, in kiosk.Instruction) {
	done, err := i.carryOut(ctx, in)
	i.ended(ctx, in, done, err)
}

// outcome is what came of an instruction.
type outcome struct {
	report json.RawMessage
	// holds lets it hold, once that is written down: a price that a restart would forget is none. It may be nil.
	holds func()
}

// ended is end for those who are told by the journal alone.
func (i *instructionRunner) ended(ctx context.Context, in kiosk.Instruction, done outcome, why error) {
	if err := i.end(ctx, in, done, why); err != nil {
		i.log.Error("instruction", "id", in.ID, "error", err)
	}
}

// end writes down what came of an instruction, as soon as that can be written, and lets it hold.
func (i *instructionRunner) end(ctx context.Context, in kiosk.Instruction, done outcome, why error) error {
	i.log.Info("instruction", "id", in.ID, "do", in.Do, "error", why)
	for {
		err := i.owner.control.Do(ctx, session.Observation{What: session.InstructionEnded, By: i.by, Instruction: &in,
			Report: done.report, Err: why})
		switch {
		case err == nil && why == nil && done.holds != nil:
			done.holds()
			return nil
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("what came of it cannot be written down: %w", err)
		}
		i.log.Error("instruction", "id", in.ID, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

func (i *instructionRunner) carryOut(ctx context.Context, in kiosk.Instruction) (done outcome, err error) {
	if err := in.Check(); err != nil {
		return done, err
	}
	switch in.Do {
	case kiosk.TaskTariff:
		done.report, done.holds, err = i.prices.order(in, i.clock.Now())
		return done, err
	case kiosk.TaskMessage:
		done.holds = func() { i.prices.announce(in) }
		return done, nil
	case kiosk.TaskDiagnostics:
		done.report, err = i.report(ctx)
		return done, err
	}
	return done, i.act(ctx, in)
}

// act does what changes the site at once.
func (i *instructionRunner) act(ctx context.Context, in kiosk.Instruction) error {
	switch in.Do {
	case kiosk.TaskStopSession:
		ref, err := kiosk.ParseReference(in.Session)
		if err != nil {
			return err
		}
		_, err = i.owner.Stop(ctx, ref, i.by)
		if errors.Is(err, errNoSession) {
			if _, known := i.journal.Find(ctx, ref); known == nil {
				err = fmt.Errorf("session %s has ended: %w", ref, errAlready)
			}
		}
		return err
	case kiosk.TaskCloseBay:
		return i.owner.control.Do(ctx, session.Observation{What: session.ShutAsked, Bay: in.Bay, Raised: true,
			By: i.by})
	case kiosk.TaskOpenBay:
		if err := i.mayOpen(ctx, in.Bay, ByOffice); err != nil {
			return err
		}
		return i.owner.control.Do(ctx, session.Observation{What: session.ShutAsked, Bay: in.Bay, By: i.by})
	}
	return fmt.Errorf("cannot do %q", in.Do)
}

// mayOpen: a person who stands at a bay and closed it may have a hand in it. Only what the one who asks alone
// closed, since it was open last, does it open from afar.
func (i *instructionRunner) mayOpen(ctx context.Context, bay int, by string) error {
	if !i.owner.control.Snapshot().State.Faults[session.FaultAt{Code: kiosk.FaultBayShut, Bay: bay}] {
		return fmt.Errorf("bay %d is not closed: %w", bay, errAlready)
	}
	opened, closed := int64(0), int64(0)
	for _, kind := range []session.Kind{session.FaultCleared, session.FaultRaised} {
		for r, err := range i.journal.Matching(ctx, string(kind), "$.fault", string(kiosk.FaultBayShut)) {
			if err != nil {
				return err
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return err
			}
			switch b := e.Body.(session.FaultBody); {
			case b.Bay != bay || r.Seq < opened: // of another bay, or of before
			case kind == session.FaultCleared:
				opened = r.Seq
			case !strings.HasPrefix(b.By, by):
				return fmt.Errorf("bay %d was closed at the site by the %s: it is opened there", bay, b.By)
			default:
				closed = r.Seq
			}
		}
	}
	if closed == 0 {
		return errors.New("no record says who closed the bay: open it at the site")
	}
	return nil
}
