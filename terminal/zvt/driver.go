package zvt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"kioskd"
	"kioskd/line"
)

// CaptureMode says which of the two captures a terminal wants. Mixing them up would
// take the complement of what is due, so there is no default.
type CaptureMode string

// Capture modes.
const (
	CaptureReleased CaptureMode = "released" // 06 23: the amount is what is given back
	CaptureUsed     CaptureMode = "used"     // 06 24: the amount is what is taken
)

// Config is what a site says about its terminal.
type Config struct {
	Password string // six digits
	Capture  CaptureMode
	Currency kiosk.Currency
	ID       string // of the site's terminal, eight digits; empty to take any
	Serial   string // of the site's terminal, as it prints it; empty to take any
	// NoOpenList says that the terminal has no list of its open holds (06 23 with FFFF).
	NoOpenList bool
	Stats      *line.Stats
	// CardKeys are asked for at each card: they key its tokens, that of now first. Without one there are none.
	CardKeys func() [][]byte
}

// Dial opens the link to a terminal.
type Dial func(context.Context) (Link, error)

// StopBits is how many a serial address has that names none: a terminal that wants one takes the second for silence.
const StopBits = 2

// DialAddress opens serial:// and tcp:// addresses.
func DialAddress(text string) (Dial, error) {
	a, err := line.Parse(text, StopBits)
	if err != nil {
		return nil, err
	}
	if a.Scheme == "rtu+tcp" {
		return nil, fmt.Errorf("cannot use address %q for a terminal: want serial:// or tcp://", text)
	}
	return func(ctx context.Context) (Link, error) {
		rw, err := a.Open(ctx)
		if err != nil {
			return nil, err
		}
		return NewLink(a.Scheme, rw), nil
	}, nil
}

// NewLink is the link of an address scheme over an open line.
func NewLink(scheme string, rw io.ReadWriteCloser) Link {
	if scheme == "serial" {
		return NewSerial(rw)
	}
	return NewStream(rw)
}

// Terminal is a driver. It implements kiosk.CardTerminal.
type Terminal struct {
	dial Dial
	cfg  Config
	log  *slog.Logger
	link Link   // nil while not connected and registered
	tid  string // of the registration; empty where it named none

	plain    bool           // registers with what every terminal knows, because more was refused
	greeting []byte         // what came over a fresh connection and is no ZVT
	needs    []*Instruction // what its registration said that it must be told
	cured    time.Time      // when it was told last to do what it needed
}

// New makes a driver; it connects with the first call.
func New(dial Dial, cfg Config, log *slog.Logger) *Terminal {
	return &Terminal{dial: dial, cfg: cfg, log: log}
}

// Close closes the link. The next call connects again.
func (t *Terminal) Close() error {
	if t.link == nil {
		return nil
	}
	err := t.link.Close()
	t.link = nil
	return err
}

// drainFor is how long a fresh line must be silent before we speak: the terminal may
// still be busy with what it was told before we came back.
const drainFor = 300 * time.Millisecond

// connect opens the link, drains it and registers. Whatever it fails with happened
// before a command about money was sent.
func (t *Terminal) connect(ctx context.Context) error {
	if t.link != nil {
		return nil
	}
	link, err := t.dial(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", kiosk.ErrUnreachable, err)
	}
	if s, ok := link.(*Serial); ok {
		s.Stats = t.cfg.Stats
	}
	t.link = link
	if s, ok := link.(*Stream); ok {
		t.greeting, err = s.Greeting(drainFor)
	}
	if err == nil {
		err = t.register(ctx)
	}
	if err == nil && t.link != nil {
		err = t.identify(ctx)
	}
	if err == nil && t.link == nil {
		err = errors.New("line is not quiet yet")
	}
	if err != nil {
		t.Close()
		if errors.Is(err, kiosk.ErrUnreachable) {
			return err
		}
		return fmt.Errorf("%w: %w", kiosk.ErrUnreachable, err)
	}
	return nil
}

// identify makes sure that the terminal with the pinned serial number answers.
func (t *Terminal) identify(ctx context.Context) error {
	if t.cfg.Serial == "" {
		return nil
	}
	s, err := t.status(ctx, t.exchange)
	if err == nil && s.Serial != t.cfg.Serial {
		err = fmt.Errorf("%w: serial number %q, want %s", kiosk.ErrOtherTerminal, s.Serial, t.cfg.Serial)
	}
	return err
}

// Codes of a registration that only a person can put right. Some terminals lock themselves when a wrong
// password is said again.
const (
	wrongPassword = 0x37 // which is a wrong PIN elsewhere
	wrongCurrency = 0x6F
)

// register makes the terminal ours. One that is still busy with what it was told before
// we came back is told to stop, and then left in peace for as long as it waits for an
// answer to its last word: some wait anew after each message that they do not expect.
func (t *Terminal) register(ctx context.Context) error {
	var end Message
	var err error
	for i, quiet := range []time.Duration{drainFor, drainFor, T3 + drainFor} {
		if i > 0 {
			if err := t.link.Send(Command(0x06, 0xB0, nil)); err != nil {
				return err
			}
		}
		if err := t.drain(quiet); err != nil {
			return err
		}
		end, err = t.exchange(ctx, t.registration(), handlers{limit: askLimit})
		if refused(err, 0x83, 0x9A) && !t.plain { // older ones do not take the fields that may follow
			t.plain = true
			end, err = t.exchange(ctx, t.registration(), handlers{limit: askLimit})
		}
		if err == nil && t.link != nil {
			err = t.drain(drainFor) // it may still answer what was said before
		}
		if err == nil || t.link == nil || ctx.Err() != nil || refused(err, wrongPassword, wrongCurrency) {
			break
		}
	}
	if refused(err, wrongPassword) {
		return fmt.Errorf("cannot register: %w", ErrPassword)
	}
	switch {
	case err != nil && len(t.greeting) > 0:
		return fmt.Errorf("cannot register: %w: its first bytes are %s: %w", ErrNotZVT, Hex(t.greeting), err)
	case err != nil:
		return fmt.Errorf("cannot register: %w", err)
	}
	if c, other := t.otherCurrency(end); other {
		return fmt.Errorf("cannot register: %w: it sells in currency %s, want %s", ErrRefused, c, t.cfg.Currency)
	}
	t.registered(end)
	return nil
}

// registered keeps what a terminal says of itself when it is registered with.
func (t *Terminal) registered(end Message) {
	t.tid, t.needs = "", nil
	if v, ok := end.Get(0x29); ok {
		t.tid = fmt.Sprintf("%x", v)
	}
	status, ok := end.Get(0x19)
	for bit, cure := range []*Instruction{Initialisation, Diagnosis} {
		if ok && status[0]>>bit&1 == 1 {
			t.needs = append(t.needs, cure)
		}
	}
}

// registration is 06 00: in full, or in the form of nine bytes that every terminal takes.
func (t *Terminal) registration() APDU {
	const config = 0x3E // intermediate status, we control payment and print
	head := append(append(t.password(), config), PutBCD(int64(t.cfg.Currency.Number()), 2)...)
	if t.plain {
		return Command(0x06, 0x00, head)
	}
	return Command(0x06, 0x00, head, Bin(0x03, 0x01), Container())
}

// refused tells whether an error is a terminal's no, with one of some codes where any are given.
func refused(err error, codes ...byte) bool {
	var no *refusal
	return errors.As(err, &no) && (len(codes) == 0 || slices.Contains(codes, no.code))
}

// babbleFor is how long a terminal may go on with what was asked of it before we came: a card
// that it waits for, and its bank.
const babbleFor = 5 * time.Minute

// drain answers what the terminal still has to say until it is silent for a while.
func (t *Terminal) drain(quiet time.Duration) error {
	for end := time.Now().Add(babbleFor); time.Now().Before(end); {
		a, err := t.link.Receive(quiet)
		if errors.Is(err, ErrTimeout) {
			return nil
		}
		if err != nil {
			return err
		}
		t.log.Info("terminal was still speaking", "message", a.String())
		if err := t.drop(a); err != nil {
			return err
		}
	}
	return errors.New("the terminal does not stop sending")
}

// drop answers a message that belongs to nothing we know of. A result of a payment is
// turned back: it belongs to a process that ended, and the terminal reverses it unless
// it was acknowledged before.
func (t *Terminal) drop(a APDU) error {
	if a.IsAnswer() {
		return nil
	}
	if a.Is(0x04, 0x0F) {
		return t.link.Send(Nack(0x6C))
	}
	return t.link.Send(Ack())
}

// ready connects, and makes sure that the terminal has nothing left to say: it never
// speaks unasked, so whatever came since belongs to a command that we gave up, and the
// answers that follow would be taken for those of the next.
func (t *Terminal) ready(ctx context.Context) error {
	if t.link != nil {
		a, err := t.link.Receive(0)
		if err == nil {
			t.log.Warn("terminal spoke unasked: starting anew", "message", a.String())
			err = t.drop(a)
		}
		if !errors.Is(err, ErrTimeout) {
			t.Close()
		}
	}
	return t.connect(ctx)
}

func (t *Terminal) password() []byte {
	out := make([]byte, 3)
	for i := range out {
		out[i] = t.cfg.Password[2*i]<<4 | t.cfg.Password[2*i+1]&15
	}
	return out
}

// CheckPassword tells whether a password has the form that terminals take.
func CheckPassword(p string) error {
	if len(p) != 6 {
		return errors.New("want six digits")
	}
	for _, r := range p {
		if r < '0' || r > '9' {
			return errors.New("want six digits")
		}
	}
	return nil
}

// handlers are what a command wants to know while the terminal is master.
type handlers struct {
	// result gets a status information (04 0F) that is no failure; its error turns the result back.
	result   func(Message) error
	progress func(Message)
	// last tells that the command ends with its result: no completion follows.
	last bool
	// card tells that a card is waited for.
	card bool
	// ownDay tells that a day's result is the command's own.
	ownDay bool
	// accept is how long it may take to accept the command, where that is longer than T3.
	accept time.Duration
	// limit is how long the terminal may be silent as master, in place of T4: what needs no
	// card keeps everybody else waiting.
	limit time.Duration
}

// refusal is a definite no: to a command that did not begin, or its end.
type refusal struct {
	code    byte
	command bool    // it did not begin: no card and no bank is to blame
	result  Message // that failed, where one said so
}

// ErrRefused is of a terminal that is there and does not do what it is told: it is busy, or another
// currency is set in it. ErrPassword is of one that does not register with our password.
var (
	ErrRefused  = errors.New("terminal refused")
	ErrPassword = errors.New("the password is not the terminal's")
)

// ErrNotZVT is of an address where something answers that does not speak ZVT.
var ErrNotZVT = errors.New("something answers there that does not speak ZVT")

func (r *refusal) Unwrap() error { return ErrRefused }

func (r *refusal) Error() string {
	return fmt.Sprintf("terminal refused: %s (%02X)", ResultText(r.code), r.code)
}

// How long a terminal may be silent. PA00P015 lets it have T4 (three minutes) each time,
// but drivers wait for their turn, nothing is repeated blindly, and the list of open holds
// tells as well. After the result of a failed payment some never send a completion.
const (
	bookLimit = 60 * time.Second // a capture that needs the acquirer
	askLimit  = 30 * time.Second // a question
	bookedEnd = 30 * time.Second
	failedEnd = 10 * time.Second
	stopEnd   = 10 * time.Second // one of which nothing was heard, and that is told to stop
	// inAll is how long a dialogue may take, whatever the terminal announces.
	inAll = 30 * time.Minute
)

// notRegistered is what a terminal answers that has forgotten us, on a line that stayed up.
const notRegistered = 0x6B

// ask is exchange for commands of a registered terminal: where it has forgotten us, which it says
// before it does anything, it is registered with again and asked once more.
func (t *Terminal) ask(ctx context.Context, cmd APDU, h handlers) (end Message, err error) {
	for again := false; ; again = true {
		if err := t.connect(ctx); err != nil { // an answer before was such that the line was closed
			return Message{}, err
		}
		end, err = t.exchange(ctx, cmd, h)
		var no *refusal
		if !errors.As(err, &no) || no.code != notRegistered {
			return end, err
		}
		t.Close()
		switch {
		case !no.command: // it began, and is not asked for twice
			return end, err
		case again:
			return Message{}, fmt.Errorf("%w: terminal does not keep its registration", kiosk.ErrUnreachable)
		}
		t.log.Warn("terminal has forgotten its registration: registering again")
	}
}

// exchange sends a command and follows it to its end: the answer, then whatever the
// terminal says as master, then completion (06 0F) or abort (06 1E).
//
// The error is a *refusal for a definite no, kiosk.ErrUnreachable if the terminal
// certainly did not take the command, kiosk.ErrOutcomeUnknown otherwise. If ctx ends,
// the command is aborted (06 B0) once and followed to its end all the same.
//
// Of several results the last one counts, and what it says counts more than how the dialogue ends.
func (t *Terminal) exchange(ctx context.Context, cmd APDU, h handlers) (end Message, err error) {
	x := exchange{t: t, link: t.link, h: h, t4: cmp.Or(h.limit, T4), repeats: t.link.Repeats(),
		end: time.Now().Add(inAll)}
	end, err = x.run(ctx, cmd)
	if x.suspect || x.repeated() || errors.Is(err, kiosk.ErrOutcomeUnknown) || errors.Is(err, kiosk.ErrUnreachable) ||
		x.failed != nil && h.last { // some send an abort after it
		t.Close() // whatever it still says must be drained
	}
	if x.failed != nil && !x.broken && (err == nil || refused(err) || errors.Is(err, ErrTimeout)) {
		err = &refusal{code: x.failed.Result(), result: *x.failed}
	}
	return end, err
}

// run is the dialogue.
func (x *exchange) run(ctx context.Context, cmd APDU) (end Message, err error) {
	if err := x.link.Send(cmd); err != nil {
		if errors.Is(err, ErrNAK) {
			return end, fmt.Errorf("%w: %w", kiosk.ErrUnreachable, err)
		}
		return end, fmt.Errorf("%w: %s: %w", kiosk.ErrOutcomeUnknown, Name(cmd), err)
	}
	x.wait(max(T3, x.h.accept))
	for {
		a, err := x.receive(ctx)
		if err != nil {
			return end, fmt.Errorf("%w: %s: %w", kiosk.ErrOutcomeUnknown, Name(cmd), err)
		}
		m, err := Parse(a)
		if err != nil { // no handler sees it: what can be read of it may not be what was meant
			x.t.log.Warn("terminal sent what cannot be read", "message", a.String(), "error", err)
			m = Message{Class: a.Class, Instr: a.Instr, Broken: true}
		}
		done, err := x.handle(a, m)
		if done && x.broken && (err == nil || refused(err)) {
			err = fmt.Errorf("%w: %s: its result cannot be read", kiosk.ErrOutcomeUnknown, Name(cmd))
		}
		if done || err != nil {
			return m, err
		}
	}
}

// Intermediate statuses of a terminal that waits for a card, and of one that ends its day by itself; what is
// added where a card is to be removed meanwhile.
const (
	wantsCard  = 0x0A
	endsDay    = 0x0F
	removeCard = 0x40
)

// Codes of a refusal that may not mean the command: a terminal carries out another one, or
// answers an abort (06 B0) that came too late.
const (
	busy   = 0x9C
	notNow = 0x83
)

type exchange struct {
	t        *Terminal
	repeats  int // of the link before our command
	link     Link
	h        handlers
	accepted bool // the terminal is master
	aborted  bool
	failed   *Message // the last result, where its code is not 00
	suspect  bool     // something came out of turn
	broken   bool     // a result came that cannot be read
	dayEnds  bool     // the terminal said that it ends its day by itself
	last     []byte   // the last result: a repeat is answered again, not applied again
	lastOK   bool
	deadline time.Time
	end      time.Time // of the dialogue, whatever comes
	t4       time.Duration
}

// wait gives the terminal a time for its next message.
func (x *exchange) wait(d time.Duration) {
	x.deadline = time.Now().Add(d)
	if x.deadline.After(x.end) {
		x.deadline = x.end
	}
}

// repeated tells whether the terminal may have heard something twice.
func (x *exchange) repeated() bool { return x.link.Repeats() != x.repeats }

// receive waits for the next message. While the terminal is master it looks at ctx in
// slices and sends one abort when ctx ends, or when a card is waited for and T4 is over: one
// that is shown afterwards must not be charged.
func (x *exchange) receive(ctx context.Context) (APDU, error) {
	const slice = 250 * time.Millisecond
	for {
		if ctx.Err() != nil && x.accepted && !x.aborted {
			if err := x.abort(min(askLimit, time.Until(x.deadline))); err != nil { // who asked may be about to end
				return APDU{}, err
			}
		}
		wait := time.Until(x.deadline)
		if x.accepted && !x.aborted {
			wait = min(wait, slice)
		}
		a, err := x.link.Receive(wait)
		switch {
		case err == nil:
			x.t.cfg.Stats.Hear()
			return a, nil
		case !errors.Is(err, ErrTimeout):
			return a, err
		case time.Now().Before(x.deadline):
		case x.h.card && x.accepted && !x.aborted && x.last == nil:
			x.t4 = stopEnd // it was silent for T4 once
			if err := x.abort(stopEnd); err != nil {
				return APDU{}, err
			}
		default:
			return a, err
		}
	}
}

// abort tells the terminal to stop, and leaves it a time to say its last word.
func (x *exchange) abort(most time.Duration) error {
	x.aborted, x.deadline = true, time.Now().Add(most)
	return x.link.Send(Command(0x06, 0xB0, nil))
}

func (x *exchange) handle(a APDU, m Message) (done bool, err error) {
	switch {
	case a.Class == ClassAck, a.Is(ClassNack, 0x00):
		if !x.accepted {
			x.accepted = true
			x.wait(x.t4)
		}
		return false, nil
	case a.Class == ClassNack:
		switch {
		case x.accepted && !x.aborted:
			x.suspect = true // to something that we said before
		case x.accepted: // too late to abort: the payment goes on
			x.restart()
		// perhaps with this, or to what was said before: only its list can tell
		case (a.Instr == busy || a.Instr == notNow) && x.h.result != nil:
			return true, fmt.Errorf("%w: %s", kiosk.ErrOutcomeUnknown, ResultText(a.Instr))
		default:
			return true, &refusal{code: a.Instr, command: true}
		}
		return false, nil
	case !x.accepted: // of a command before ours
		x.suspect = true
		x.t.log.Warn("terminal spoke out of turn", "message", a.String())
		return false, x.wrap(x.t.drop(a))
	case a.Is(0x04, 0xFF):
		x.intermediate(m)
		return false, x.answer(Ack())
	case a.Is(0x04, 0x0F):
		return x.result(a, m)
	case a.Is(0x06, 0x0F):
		x.close()
		return true, nil
	case a.Is(0x06, 0x1E):
		code := byte(0xFF)
		if len(m.Head) == 1 {
			code = m.Head[0]
		}
		x.close()
		return true, &refusal{code: code}
	case a.Is(0x06, 0xD1), a.Is(0x06, 0xD3), a.Is(0x04, 0x01):
		x.restart() // we print no receipts of the terminal; refusing would reverse money
		return false, x.answer(Ack())
	}
	return false, x.answer(Nack(0x83))
}

func (x *exchange) answer(a APDU) error { return x.wrap(x.link.Send(a)) }

func (x *exchange) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("%w: cannot answer the terminal: %w", kiosk.ErrOutcomeUnknown, err)
	}
	return nil
}

// close answers the last message. What it said stands even if the answer is lost.
func (x *exchange) close() {
	if err := x.answer(Ack()); err != nil {
		x.t.log.Warn("last answer to the terminal was lost", "error", err)
		x.t.Close()
	}
}

// restart starts T4 anew. A terminal that goes on talking after a failed payment does not
// put off its end.
func (x *exchange) restart() {
	if x.failed == nil {
		x.wait(x.t4)
	}
}

func (x *exchange) intermediate(m Message) {
	if len(m.Head) > 0 && m.Head[0] == wantsCard && x.failed != nil { // what failed was not this: it goes on
		x.failed, x.last, x.t4 = nil, nil, cmp.Or(x.h.limit, T4)
	}
	x.dayEnds = x.dayEnds || len(m.Head) > 0 && m.Head[0]&^removeCard == endsDay
	if len(m.Head) == 2 {
		if minutes, ok := GetBCD(m.Head[1:]); ok && minutes > 0 {
			x.t4 = time.Duration(minutes) * time.Minute
		}
	}
	x.restart()
	if x.h.progress != nil && len(m.Head) > 0 {
		x.h.progress(m)
	}
}

// result handles 04 0F. A result that the command has no use for belongs to a process
// that we no longer know: it is turned back.
func (x *exchange) result(a APDU, m Message) (done bool, err error) {
	switch {
	case x.ofDay(m):
		x.t.log.Info("terminal ended its day by itself", "result", hexByte(m.Result()))
		x.restart()
		return false, x.answer(Ack())
	case x.h.result == nil:
		x.suspect = true
		x.t.log.Warn("terminal sent a result that no command asked for")
		return false, x.answer(Nack(0x6C))
	}
	if x.last == nil || string(x.last) != string(a.Data) {
		x.take(a, m)
	}
	if !x.lastOK {
		return x.h.last, x.answer(Nack(0x6C))
	}
	return x.h.last, x.answer(Ack())
}

// ofDay tells a result of a day that the terminal ended by itself from one of a payment, which names its
// receipt or its card and must never be acknowledged here. Where a command has a result of its own,
// only one with a total is certainly the day's.
func (x *exchange) ofDay(m Message) bool {
	_, receipt := m.Get(0x87)
	_, card := m.Get(0x22)
	_, total := m.Get(0x04)
	return x.dayEnds && !x.h.ownDay && !receipt && !card && !m.Broken && len(m.Rest) == 0 &&
		(x.h.result == nil || total && m.Result() == 0)
}

// take takes a result that is no repeat. It counts in place of those before, which may have been of
// something else: some terminals end their day before a payment.
func (x *exchange) take(a APDU, m Message) {
	x.last, x.failed, x.t4 = append([]byte{}, a.Data...), nil, bookedEnd
	err := error(nil)
	switch {
	case m.Broken:
		x.broken, err = true, errors.New("it cannot be read")
	case m.Result() != 0:
		x.failed, x.t4 = &m, failedEnd
	default:
		err = x.h.result(m)
	}
	if err != nil {
		x.t.log.Error("result of the terminal was turned back", "error", err)
	}
	x.lastOK = err == nil
	x.wait(x.t4)
}
