package simulator

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// Card is a bank card in front of the terminal.
type Card struct {
	Last4   string
	Name    string // brand
	AID     string // hexadecimal
	Decline byte   // result code; 0 approves
	Limit   int64  // minor units that the bank approves at most; 0 without
	Item    string // what the terminal identifies it by; without it only a masked number
}

// GoodCard is a contactless card with money.
func GoodCard() Card {
	return Card{Last4: "8074", Name: "Mastercard", AID: "A0000000041010", Item: "item of 8074"}
}

// OtherCard is a good card of another driver.
func OtherCard() Card {
	return Card{Last4: "4771", Name: "Visa", AID: "A0000000031010", Item: "item of 4771"}
}

// CardFault is what can go wrong with one payment on the terminal's side.
type CardFault string

// Faults of a terminal; each happens once.
const (
	LoseResult     CardFault = "lose_result"     // the result of a hold or capture is never sent, and is undone
	LoseCompletion CardFault = "lose_completion" // acknowledged, stands, but the completion is never sent
	RepeatResult   CardFault = "repeat_result"   // the result is sent twice
	HostDown       CardFault = "host_down"       // the host cannot be reached
	Hang           CardFault = "hang"            // booked, then silence for ever on this line
	FullPAN        CardFault = "full_pan"        // the result has the whole card number
	UnknownField   CardFault = "unknown_field"   // the result has a field that no table knows
)

// Terminal is the terminal's side of ZVT, with a person who presents cards.
type Terminal struct {
	Bank     *Bank
	Currency kiosk.Currency
	ID       string        // eight digits
	Think    time.Duration // how long the bank takes
	// AutoCard presents this card a moment after one is asked for; nil waits for Present.
	AutoCard  *Card
	AutoAfter time.Duration
	FirstOnly bool // the open list names only the first hold
	// Idle is how long a connection may be silent before the terminal closes it; 0 for ever.
	Idle time.Duration
	// DayEndBooks lets an end-of-day take all that is held, as some terminals do.
	DayEndBooks bool
	// Said is called when the till has a message of the terminal's; nil for no listener.
	Said func(zvt.APDU)

	cards chan Card
	log   *slog.Logger

	mu     sync.Mutex
	pass   string      // that registration must bring; empty for any
	faults []CardFault // of the next payments
	due    bool        // an end-of-day is asked for before anything else
	lost   bool        // its registration

	manners []*manner
	before  zvt.APDU // the result before
}

// NewTerminal makes a terminal in front of a bank.
func NewTerminal(bank *Bank, currency kiosk.Currency, log *slog.Logger) *Terminal {
	return &Terminal{Bank: bank, Currency: currency, ID: "52523535", Think: 400 * time.Millisecond,
		AutoAfter: 1500 * time.Millisecond,
		cards:     make(chan Card, 1), log: log}
}

// Present puts a card on the reader: the next time one is asked for, or now.
func (t *Terminal) Present(c Card) {
	select {
	case t.cards <- c:
	default: // one is on the reader already
	}
}

// Inject lets the next payment go wrong.
func (t *Terminal) Inject(f CardFault) { t.InjectAll([]CardFault{f}) }

func (t *Terminal) fault() CardFault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.faults) == 0 {
		return ""
	}
	f := t.faults[0]
	t.faults = t.faults[1:]
	return f
}

// WantDayEnd lets the terminal refuse holds and captures until its end-of-day.
func (t *Terminal) WantDayEnd(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = on
}

func (t *Terminal) wantsDayEnd() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.due
}

// errHang ends a command in silence.
var errHang = errors.New("says no more")

// Serve answers a till on one link until ctx or the link ends.
func (t *Terminal) Serve(ctx context.Context, link zvt.Link) error {
	defer context.AfterFunc(ctx, func() { link.Close() })()
	for ctx.Err() == nil {
		a, err := link.Receive(cmp.Or(t.Idle, time.Hour))
		switch {
		case errors.Is(err, zvt.ErrTimeout) && t.Idle > 0:
			return nil
		case errors.Is(err, zvt.ErrTimeout):
			continue
		case err != nil:
			return err
		}
		err = t.command(ctx, link, a)
		switch {
		case errors.Is(err, zvt.ErrTimeout), errors.Is(err, zvt.ErrNoACK), errors.Is(err, zvt.ErrRefused),
			errors.Is(err, errHang):
			t.log.Info("terminal falls back to idle", "error", err)
		case err != nil:
			return err
		}
	}
	return nil
}

func (t *Terminal) command(ctx context.Context, link zvt.Link, a zvt.APDU) error {
	m, err := zvt.Parse(a)
	if err != nil {
		return link.Send(zvt.Nack(0x9A))
	}
	on := exchangeOf(a, m)
	switch {
	case a.Class == zvt.ClassAck, a.Class == zvt.ClassNack:
		return nil
	case on == "":
		return link.Send(zvt.Nack(0x83))
	case t.forgot(on):
		return link.Send(zvt.Nack(0x6B))
	}
	if done, err := t.refuse(link, on); done || err != nil {
		return err
	}
	switch on {
	case Registering:
		return t.register(link, m)
	case Asking:
		return t.finish(link, zvt.Command(0x06, 0x0F, append([]byte{0xF0, 0xF0, 0xF9}, "SIM-1.0.0\x00"...)))
	case Holding:
		return t.hold(ctx, link, m)
	case Listing:
		return t.list(link)
	case Settling:
		return t.settle(link, m, taken(a.Instr))
	case Repeating:
		return t.report(link, t.result(Repeating, t.Bank.Last()))
	case Reading:
		return t.readCard(ctx, link, m)
	}
	return t.endDay(link)
}

// taken is what a command takes, of what is held and the amount that it names.
func taken(instr byte) func(held, amount int64) int64 {
	switch instr {
	case 0x23: // partial release
		return func(held, amount int64) int64 { return held - amount }
	case 0x24: // completion
		return func(_, amount int64) int64 { return amount }
	}
	return func(int64, int64) int64 { return 0 }
}

// register takes a till that has the password and the currency.
func (t *Terminal) register(link zvt.Link, m zvt.Message) error {
	if want := t.password(); want != "" && len(m.Head) >= 3 && hex.EncodeToString(m.Head[:3]) != want {
		return link.Send(zvt.Nack(0x37)) // as card complete's do
	}
	if c, ok := zvt.GetBCD(m.Head[len(m.Head)-2:]); len(m.Head) == 6 && (!ok || c != int64(t.Currency.Number())) {
		return link.Send(zvt.Nack(0x6F))
	}
	id, err := hex.DecodeString(t.ID)
	if err != nil {
		return err
	}
	return t.finish(link, zvt.Command(0x06, 0x0F, nil, zvt.Bin(0x19, 0), zvt.Bin(0x29, id...), t.currency()))
}

// endDay plays an end-of-day.
func (t *Terminal) endDay(link zvt.Link) error {
	total, err := t.Bank.EndOfDay(t.DayEndBooks)
	if err != nil {
		return err
	}
	t.WantDayEnd(false)
	return t.report(link, zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, 0), zvt.BCD(0x04, total, 6), t.currency()))
}

// report accepts a command, sends a result, and completes.
func (t *Terminal) report(link zvt.Link, result zvt.APDU) error {
	if err := link.Send(zvt.Ack()); err != nil {
		return err
	}
	if err := t.say(link, result); err != nil {
		return err
	}
	return t.say(link, zvt.Command(0x06, 0x0F, nil))
}

// WantPassword refuses a kiosk that registers with another one than these six digits.
func (t *Terminal) WantPassword(digits string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pass = digits
}

func (t *Terminal) password() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pass
}

func (t *Terminal) currency() zvt.Field { return zvt.BCD(0x49, int64(t.Currency.Number()), 2) }

// finish accepts a command and completes it at once.
func (t *Terminal) finish(link zvt.Link, end zvt.APDU) error {
	if err := link.Send(zvt.Ack()); err != nil {
		return err
	}
	return t.say(link, end)
}

// say sends a message as master and waits for its acknowledgement.
func (t *Terminal) say(link zvt.Link, a zvt.APDU) error {
	_, err := t.deliver(link, a)
	return err
}

// deliver sends a message as master and returns the till's answer to it.
func (t *Terminal) deliver(link zvt.Link, a zvt.APDU) (zvt.APDU, error) {
	if err := link.Send(a); err != nil {
		return zvt.APDU{}, err
	}
	if t.Said != nil {
		t.Said(a)
	}
	for end := time.Now().Add(zvt.T3); ; {
		b, err := link.Receive(time.Until(end))
		if err != nil {
			return zvt.APDU{}, err
		}
		if b.Class == zvt.ClassAck || b.Class == zvt.ClassNack {
			return b, nil
		}
		if err := link.Send(zvt.Nack(0x9C)); err != nil { // we are master
			return zvt.APDU{}, err
		}
	}
}

func (t *Terminal) list(link zvt.Link) error {
	open, firstOnly := t.listed(t.Bank.OpenHolds())
	if len(open) == 0 {
		return t.finish(link, zvt.Command(0x06, 0x1E, []byte{0xB8}, zvt.Bin(0x87, 0xFF, 0xFF)))
	}
	fields := []zvt.Field{zvt.BCD(0x87, int64(open[0]), 2)}
	if !firstOnly {
		var items []zvt.TLV
		for _, n := range open {
			items = append(items, zvt.Object(0x08, zvt.PutBCD(int64(n), 2)...))
		}
		fields = append(fields, zvt.Container(zvt.Group(0x23, items...)))
	}
	return t.finish(link, zvt.Command(0x06, 0x1E, []byte{0xB8}, fields...))
}

// hold plays a pre-authorisation: card, bank, result, completion.
func (t *Terminal) hold(ctx context.Context, link zvt.Link, m zvt.Message) error {
	v, _ := m.Get(0x04)
	amount, ok := zvt.GetBCD(v)
	if !ok || amount == 0 {
		return link.Send(zvt.Nack(0x83))
	}
	if t.wantsDayEnd() {
		return t.finish(link, zvt.Command(0x06, 0x1E, []byte{0xF0}))
	}
	wait := 45 * time.Second
	if s, ok := m.Number(0x1F5B); ok && s > 0 {
		wait = time.Duration(s) * time.Second
	}
	if err := link.Send(zvt.Ack()); err != nil {
		return err
	}
	if err := t.say(link, zvt.Command(0x04, 0xFF, []byte{0x0A, 0x01})); err != nil {
		return err
	}
	card, err := t.awaitCard(ctx, link, wait)
	if err != nil {
		return err
	}
	if card == nil {
		return t.fail(link, 0x6C)
	}
	if err := t.say(link, zvt.Command(0x04, 0xFF, []byte{0x17})); err != nil {
		return err
	}
	sleep(ctx, t.Think)
	f := t.fault()
	switch {
	case f == HostDown:
		return t.fail(link, 0x9B)
	case card.Decline != 0:
		return t.fail(link, card.Decline, cardFields(*card, f)...)
	}
	if card.Limit > 0 {
		amount = min(amount, card.Limit)
	}
	ref, _ := m.Find(0x1F63)
	n, err := t.Bank.Hold(kiosk.Money{Minor: amount, Currency: t.Currency}, card.Last4, string(ref))
	if err != nil {
		return err
	}
	undo := func() error { _, err := t.Bank.Settle(n, func(int64) int64 { return 0 }); return err }
	line := t.Bank.Last()
	return t.complete(link, t.result(Holding, line, cardFields(*card, f)...), f, undo)
}

// readCard plays a read card: there is no completion after its result.
func (t *Terminal) readCard(ctx context.Context, link zvt.Link, m zvt.Message) error {
	if err := link.Send(zvt.Ack()); err != nil {
		return err
	}
	if err := t.say(link, zvt.Command(0x04, 0xFF, []byte{0x0A, 0x01})); err != nil {
		return err
	}
	wait := 15 * time.Second
	if len(m.Head) == 1 {
		wait = time.Duration(m.Head[0]) * time.Second
	}
	card, err := t.awaitCard(ctx, link, wait)
	if err != nil {
		return err
	}
	if card == nil {
		return t.say(link, zvt.Command(0x06, 0x1E, []byte{0x6C}))
	}
	return t.say(link, zvt.Command(0x04, 0x0F, nil, append([]zvt.Field{zvt.Bin(0x27, 0)}, cardFields(*card, "")...)...))
}

// complete delivers a result and then the completion; undo is the terminal's own
// reversal for a result that was not acknowledged.
func (t *Terminal) complete(link zvt.Link, result zvt.APDU, f CardFault, undo func() error) error {
	switch f {
	case LoseResult:
		return errors.Join(undo(), errHang)
	case Hang:
		return errHang
	}
	answer, err := t.deliver(link, result)
	if err == nil && f == RepeatResult {
		answer, err = t.deliver(link, result)
	}
	if err != nil || answer.Class == zvt.ClassNack && answer.Instr != 0 {
		t.log.Info("result was not accepted: reversing", "error", err)
		if undoErr := undo(); undoErr != nil {
			return undoErr
		}
		if err != nil {
			return err
		}
		return t.say(link, zvt.Command(0x06, 0x1E, []byte{0x6C}))
	}
	if f == LoseCompletion {
		return errHang
	}
	return t.say(link, zvt.Command(0x06, 0x0F, nil))
}

func (t *Terminal) fail(link zvt.Link, code byte, more ...zvt.Field) error {
	if err := t.say(link, zvt.Command(0x04, 0x0F, nil, append([]zvt.Field{zvt.Bin(0x27, code)},
		more...)...)); err != nil {
		return err
	}
	return t.say(link, zvt.Command(0x06, 0x1E, []byte{code}))
}

// awaitCard waits for a card; nil when none came or the till aborted.
func (t *Terminal) awaitCard(ctx context.Context, link zvt.Link, wait time.Duration) (*Card, error) {
	end := time.Now().Add(wait)
	auto := time.Now().Add(t.AutoAfter)
	for time.Now().Before(end) && ctx.Err() == nil {
		select {
		case c := <-t.cards:
			return &c, nil
		default:
		}
		if t.AutoCard != nil && time.Now().After(auto) {
			return t.AutoCard, nil
		}
		a, err := link.Receive(50 * time.Millisecond)
		switch {
		case errors.Is(err, zvt.ErrTimeout):
		case err != nil:
			return nil, err
		case a.Is(0x06, 0xB0):
			return nil, link.Send(zvt.Ack())
		default:
			if err := link.Send(zvt.Nack(0x9C)); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// settle plays a capture or release. taken says what is taken, of what is held and the
// amount in the command.
func (t *Terminal) settle(link zvt.Link, m zvt.Message, taken func(held, amount int64) int64) error {
	v, ok := m.Get(0x87)
	if !ok {
		return link.Send(zvt.Nack(0x83))
	}
	receipt, _ := zvt.GetBCD(v)
	amount := int64(0)
	if v, ok := m.Get(0x04); ok {
		amount, _ = zvt.GetBCD(v)
	}
	if err := link.Send(zvt.Ack()); err != nil {
		return err
	}
	f := t.fault()
	if f == HostDown {
		return t.fail(link, 0x9B)
	}
	if f == LoseResult { // nothing was booked
		return errHang
	}
	line, err := t.Bank.Settle(int(receipt), func(held int64) int64 { return taken(held, amount) })
	switch {
	case errors.Is(err, errNoHold):
		return t.fail(link, 0xB4)
	case errors.Is(err, errTooMuch):
		return t.fail(link, 0xB7)
	case err != nil:
		return err
	}
	// A capture that was not acknowledged stands: the bank has it.
	return t.complete(link, t.result(Settling, line), f, func() error { return nil })
}

// result is 04 0F.
func (t *Terminal) result(on Exchange, l LedgerLine, more ...zvt.Field) zvt.APDU {
	now := time.Now()
	clock := int64(now.Hour()*10000 + now.Minute()*100 + now.Second())
	id, err := hex.DecodeString(t.ID)
	if err != nil {
		id = make([]byte, 4)
	}
	fields := []zvt.Field{
		zvt.Bin(0x27, 0), zvt.BCD(0x04, l.Minor, 6), t.currency(), zvt.BCD(0x0C, clock, 3),
		zvt.BCD(0x0D, int64(int(now.Month())*100+now.Day()), 2), zvt.BCD(0x87, int64(l.ReceiptNo), 2),
		zvt.BCD(0x0B, int64(l.ReceiptNo)+700, 3), zvt.Bin(0x29, id...),
	}
	a := zvt.Command(0x04, 0x0F, nil, t.distort(on, append(fields, more...))...)
	if m := t.misbehaves(on, repeats); m.What != "" && t.before.Is(0x04, 0x0F) {
		return t.before
	}
	if on != Repeating {
		t.before = a
	}
	return a
}

// Forget lets the terminal lose its registration.
func (t *Terminal) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = true
}

// forgot tells whether an exchange needs a registration that is lost.
func (t *Terminal) forgot(on Exchange) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = t.lost && on != Registering
	return t.lost
}

func cardFields(c Card, f CardFault) []zvt.Field {
	digits := "559883EEEEEE" + c.Last4
	if f == FullPAN {
		digits = "559883000001" + c.Last4 // passes the check of ISO 7812 with 8074
	}
	pan, err := hex.DecodeString(digits)
	if err != nil {
		pan = nil
	}
	aid, err := hex.DecodeString(c.AID)
	if err != nil {
		aid = nil
	}
	more := []zvt.TLV{zvt.Group(0x60, zvt.Object(0x43, aid...)),
		zvt.Group(0x2F, zvt.Object(0x1F10, 0), zvt.Object(0x1F12, 2))}
	if c.Item != "" {
		more = append(more, zvt.Object(0x1F14, []byte(c.Item)...))
	}
	if f == UnknownField {
		more = append(more, zvt.Object(0x1F7E, 1, 2, 3))
	}
	return []zvt.Field{
		{Tag: 0x22, Value: pan}, {Tag: 0x3B, Value: []byte("750071\x00\x00")},
		{Tag: 0x8B, Value: append([]byte(c.Name), 0)},
		zvt.Container(more...),
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// String names the terminal.
func (t *Terminal) String() string { return fmt.Sprintf("terminal %s", t.ID) }
