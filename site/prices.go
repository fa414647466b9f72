package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

// priceSchedule is by which tariff is sold when, and what drivers are told: by the configuration, and by
// what a back office instructed since. The journal has the latter, so that a restart forgets
// nothing.
type priceSchedule struct {
	c     *config.Config
	base  priced    // of the configuration
	floor time.Time // it is not earlier, whatever a clock says: the journal's last time
	log   *slog.Logger

	mu     sync.Mutex
	orders []priced // in the order in which they came
	notice notice
}

// priced is a tariff from a time on.
type priced struct {
	from   time.Time
	tariff *tariff.Tariff
	sum    string
}

type notice struct {
	texts map[string]string
	until time.Time
}

// sold is the Report of an instruction that set a tariff.
type sold struct {
	Tariff string `json:"tariff_sha256"`
	// Configured is the checksum of the configuration's tariff then: a host who changes that since
	// has the last word.
	Configured string `json:"configured_sha256"`
}

func newSale(c *config.Config, floor time.Time, log *slog.Logger) *priceSchedule {
	return &priceSchedule{c: c, base: priced{tariff: c.Tariff, sum: store.Sum(c.Tariff.JSON())}, floor: floor, log: log}
}

// openPrices reads what was instructed.
func openPrices(ctx context.Context, c *config.Config, journal *store.Store, floor time.Time,
	log *slog.Logger) (*priceSchedule, error) {
	s := newSale(c, floor, log)
	noticed, over := false, false
	for r, err := range journal.Newest(ctx, string(session.InstructionDone)) {
		if err != nil {
			return nil, err
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return nil, err
		}
		b := e.Body.(session.InstructionBody)
		switch in := b.Instruction; {
		case in.Do == kiosk.TaskMessage && !noticed:
			noticed = true
			s.notice = noticeOf(in)
		case in.Do == kiosk.TaskTariff && !over:
			var was sold
			if err := json.Unmarshal(b.Report, &was); err != nil {
				log.Error("an instructed tariff is not understood", "id", in.ID, "error", err)
				continue
			}
			over = was.Configured != s.base.sum
			if over {
				continue
			}
			t, err := s.judge(in)
			if err != nil { // of another version, or the site is another by now
				log.Error("an instructed tariff is no longer sold by", "id", in.ID, "error", err)
				continue
			}
			s.orders = append(s.orders, priced{startOf(in, e.At), t, was.Tariff})
		}
	}
	slices.Reverse(s.orders)
	return s, nil
}

// startOf is when a tariff begins: not before the kiosk knew of it, so that a later word is
// never behind an earlier one.
func startOf(in kiosk.Instruction, taken time.Time) time.Time {
	if in.From == nil || in.From.Before(taken) {
		return taken
	}
	return *in.From
}

// Prices are those by which is sold at a time: of the tariffs whose time has come the one with
// the last beginning, of several with the same the last that came.
func (s *priceSchedule) Prices(at time.Time) (*tariff.Tariff, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Before(s.floor) {
		at = s.floor
	}
	now := s.base
	for _, o := range s.orders {
		if !o.from.After(at) && !o.from.Before(now.from) {
			now = o
		}
	}
	return now.tariff, now.sum
}

// Notice is what drivers are told at a time.
func (s *priceSchedule) Notice(language string, at time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.Before(s.notice.until) {
		return ""
	}
	for _, l := range append([]string{language, "en"}, s.c.Languages...) {
		if text, ok := s.notice.texts[l]; ok {
			return text
		}
	}
	return ""
}

// judge reads a tariff that the site may sell by, and the screen can show.
func (s *priceSchedule) judge(in kiosk.Instruction) (*tariff.Tariff, error) {
	t, err := tariff.Parse(in.Tariff)
	if err != nil {
		return nil, err
	}
	for _, p := range t.Check(s.c.TariffSite()) {
		return nil, fmt.Errorf("cannot sell by this tariff: %v", p)
	}
	return t, nil
}

// judged is a tariff that the site may sell by from a time on, or why it may not.
func (s *priceSchedule) judged(in kiosk.Instruction, now time.Time) (t *tariff.Tariff, sum string, from time.Time,
	err error) {
	t, err = s.judge(in)
	if err != nil {
		return nil, "", from, err
	}
	sum, from = store.Sum(t.JSON()), startOf(in, now)
	host := sum == s.base.sum // the host's own price is no slip of an operator's pen
	if why := s.jumpAt(from, t); why != "" && !host && (len(in.Accept) < 8 || !strings.HasPrefix(sum, in.Accept)) {
		return nil, "", from, fmt.Errorf("%s; if that is meant, accept %s", why, sum[:8])
	}
	return t, sum, from, nil
}

// mayOrder tells why a tariff would not be taken over.
func (s *priceSchedule) mayOrder(in kiosk.Instruction, now time.Time) error {
	_, _, _, err := s.judged(in, now)
	return err
}

// order judges a tariff, and returns what the journal says of it, and what lets it hold.
func (s *priceSchedule) order(in kiosk.Instruction, now time.Time) (report json.RawMessage, holds func(), err error) {
	t, sum, from, err := s.judged(in, now)
	if err != nil {
		return nil, nil, err
	}
	report, err = json.Marshal(sold{sum, s.base.sum})
	return report, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.orders = append(s.orders, priced{from, t, sum})
	}, err
}

// jumpAt says which price is far from the one that it follows, or from the one that follows it, if a tariff is sold by
// from a time on.
func (s *priceSchedule) jumpAt(from time.Time, t *tariff.Tariff) string {
	before, _ := s.Prices(from.Add(-1))
	why := jump(before, t)
	if next := s.next(from); why == "" && !next.IsZero() {
		after, _ := s.Prices(next)
		why = jump(t, after)
	}
	return why
}

// next is when another tariff begins after a time; zero where none does.
func (s *priceSchedule) next(at time.Time) (next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		if o.from.After(at) && (next.IsZero() || o.from.Before(next)) {
			next = o.from
		}
	}
	return next
}

// schedule is by what is sold at a time, and what follows it, in order.
func (s *priceSchedule) schedule(at time.Time) []priced {
	t, sum := s.Prices(at)
	out := []priced{{tariff: t, sum: sum}}
	for from := s.next(at); !from.IsZero(); from = s.next(from) {
		t, sum := s.Prices(from)
		out = append(out, priced{from, t, sum})
	}
	return out
}

// jump says which price is nothing now, or ten times what it was, or a tenth: a slip of the
// pen, or worse.
func jump(old, now *tariff.Tariff) string {
	for _, d := range tariff.Dimensions() {
		was, is := old.Highest(d), now.Highest(d)
		ten := new(big.Rat).Mul(was, big.NewRat(10, 1))
		back := new(big.Rat).Mul(is, big.NewRat(10, 1))
		if was.Sign() > 0 && (is.Cmp(ten) >= 0 || was.Cmp(back) >= 0) {
			return fmt.Sprintf("the price of %s changes from %s to %s", d, was.FloatString(2), is.FloatString(2))
		}
	}
	return ""
}

// announce takes a message to drivers over; without texts the one before ends.
func (s *priceSchedule) announce(in kiosk.Instruction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = noticeOf(in)
}

func noticeOf(in kiosk.Instruction) notice {
	n := notice{in.Texts, in.Issued.Add(24 * time.Hour)}
	if in.Until != nil {
		n.until = *in.Until
	}
	return n
}

// PriceJump is a price far from what the journal last sold at: a comma that slipped, or meant.
type PriceJump struct{ What, Accept string } // Accept is what accept_tariff must say for it

func (p *PriceJump) Error() string {
	return p.What + "; if that is meant: kioskd setup --accept-price, or accept_tariff: " + p.Accept
}

// priceJump tells whether a price is far from what the journal last sold at, and the host has not
// confirmed it: why is a *PriceJump then.
func (s *priceSchedule) priceJump(ctx context.Context, journal *store.Store, at time.Time) (why, err error) {
	now, sum := s.Prices(at)
	if s.c.Accept != "" && strings.HasPrefix(sum, s.c.Accept) {
		return nil, nil
	}
	for r, err := range journal.Newest(ctx, string(session.OfferAccepted)) {
		if err != nil {
			return nil, err
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return nil, err
		}
		offer := e.Body.(session.OfferBody).Offer
		if offer.Hash == sum {
			return nil, nil
		}
		if offer.Hold.Minor == 0 { // what was given away says nothing of prices
			continue
		}
		old, err := tariff.Parse(offer.Tariff)
		if err != nil {
			return nil, err
		}
		if text := jump(old, now); text != "" && !s.ordered(sum) {
			return &PriceJump{text, sum[:8]}, nil
		}
		return nil, nil // the last that was sold at counts
	}
	return nil, nil
}

// ordered tells whether a back office set a tariff: it was asked to confirm it then.
func (s *priceSchedule) ordered(sum string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.orders, func(o priced) bool { return o.sum == sum })
}

// FarPrice is the price that the daemon would not sell at before the host confirmed it.
func FarPrice(ctx context.Context, c *config.Config) (far *PriceJump, err error) {
	journal, err := store.OpenReader(ctx, c.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer journal.Close()
	s, err := openPrices(ctx, c, journal, time.Time{}, QuietLog()) // with what a back office ordered
	if err != nil {
		return nil, err
	}
	why, err := s.priceJump(ctx, journal, time.Now())
	errors.As(why, &far)
	return far, err
}
