package zvt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
)

// payByTerminal is BMP 19: the terminal decides how the card is read.
const payByTerminal = 0x40

func (t *Terminal) currencyField() Field {
	return BCD(0x49, int64(t.cfg.Currency.Number()), 2)
}

// reference is our session's reference for the merchant's settlement: E9 with a
// two-letter id and the text.
func reference(ref string) TLV {
	return Group(0xE9, Object(0x1F62, 'E', 'V'), Object(0x1F63, []byte(ref)...))
}

// Hold asks for a pre-authorisation (06 22).
//
//	> 06 22 .. 04 <max> 49 0978 19 40 06{15 language, 1F5B card wait, E9 reference}
//	< 80 00 00   < 04 FF ..   < 04 0F 27 00 04 <approved> 87 <receipt> ..
//	  Record     > 80 00 00   < 06 0F 00   > 80 00 00
//
// A hold is returned together with kiosk.ErrOutcomeUnknown if Record had it, and the
// line broke before the completion.
func (t *Terminal) Hold(ctx context.Context, r kiosk.HoldRequest) (kiosk.Hold, error) {
	if err := t.ready(ctx); err != nil {
		return kiosk.Hold{}, err
	}
	if err := t.own(); err != nil {
		return kiosk.Hold{}, err
	}
	cmd := Command(0x06, 0x22, nil,
		BCD(0x04, r.Amount.Minor, 6), t.currencyField(), Bin(0x19, payByTerminal),
		Container(
			Object(0x15, []byte(r.Language)...),
			Number(0x1F5B, int64(r.CardWait/time.Second)),
			reference(r.Reference)))
	var hold kiosk.Hold
	turnedBack := false
	_, err := t.ask(ctx, cmd, handlers{
		card: true,
		progress: func(m Message) {
			if p, ok := progressOf(m.Head[0]); ok && r.Progress != nil {
				r.Progress(p)
			}
		},
		result: func(m Message) error {
			got, err := t.hold(m)
			if err == nil {
				err = r.OnApproved(got)
			}
			turnedBack = err != nil
			if err == nil {
				hold = got
			}
			return err
		},
	})
	var no *refusal
	switch {
	case hold.ID != "" && err != nil: // it was recorded; only the open list can tell
		return hold, unknown(err)
	case hold.ID != "" && turnedBack:
		return hold, fmt.Errorf("%w: another result followed the one of the hold", kiosk.ErrOutcomeUnknown)
	case hold.ID == "" && err == nil:
		return hold, fmt.Errorf("%w: the terminal completed a hold without a result", kiosk.ErrOutcomeUnknown)
	case turnedBack && errors.As(err, &no):
		return kiosk.Hold{}, &kiosk.Declined{Class: kiosk.DeclineNotWritten, Code: "6C"}
	case errors.As(err, &no):
		said := no.declined()
		said.Card = t.token(no.result)
		return kiosk.Hold{}, said
	}
	return hold, err
}

// unknown is for what was acknowledged, and ended otherwise than it should have: its cause is no definite no.
func unknown(err error) error { return fmt.Errorf("%w: %v", kiosk.ErrOutcomeUnknown, err) }

// declined says what a driver can do about a no. One to a command is never a card's.
func (r *refusal) declined() *kiosk.Declined {
	no := declined(r.code)
	switch no.Class {
	case kiosk.DeclineIssuer, kiosk.DeclineCard, kiosk.DeclinePIN, kiosk.DeclineUnreadable, kiosk.DeclineNoCard:
		if r.command {
			no.Class = kiosk.DeclineTerminal
		}
	}
	return no
}

// token recognises a card by what the terminal offers for that: its card identification
// item (1F14), a maker's token (1F61), or the masked number and how it was read.
func (t *Terminal) token(m Message) string {
	if t.cfg.CardKeys == nil {
		return ""
	}
	item, ok := m.Find(0x1F14)
	if !ok {
		item, ok = m.Find(0x1F61)
	}
	if !ok {
		number := m.Payment().CardNumber
		method, found := m.Find(0x1F12)
		if number == nil || *number == "" || !found {
			return ""
		}
		item = append([]byte(*number), method...)
	}
	return kiosk.CardToken(t.cfg.CardKeys(), item)
}

// hold reads an approved result. Without amount or receipt number it cannot be kept.
func (t *Terminal) hold(m Message) (kiosk.Hold, error) {
	b, err := t.result(m)
	if err != nil {
		return kiosk.Hold{}, err
	}
	if b == nil || b.Booked.Minor == 0 {
		return kiosk.Hold{}, errors.New("result has no amount or receipt number")
	}
	p := m.Payment()
	h := kiosk.Hold{
		ID: b.ID, Approved: b.Booked, TraceNo: b.TraceNo, Stamp: b.Stamp, TerminalID: t.tid,
		AuthCode: kept(p.AuthCode), CardName: kept(p.CardName), AID: kept(p.AID), At: time.Now(),
	}
	if h.TerminalID == "" { // acquirers may each have one of their own: that of the registration comes first
		h.TerminalID = kept(p.TerminalID)
	}
	h.Card = t.token(m)
	if n := kept(p.CardNumber); len(n) >= 4 && !strings.Contains(n[len(n)-4:], "*") {
		h.Last4 = n[len(n)-4:]
	}
	if v, ok := m.Number(0x1F12); ok && v <= 2 {
		h.EntryMode = []string{"stripe", "chip", "contactless"}[v]
	}
	if v, ok := m.Number(0x1F10); ok && v <= 4 {
		h.CVM = []string{"none", "signature", "online PIN", "offline PIN", "offline PIN"}[v]
	}
	return h, nil
}

// longestKept is of what is kept of a hold.
const longestKept = 64

// kept is a text of the terminal's as a hold has it.
func kept(text *string) string {
	if text == nil {
		return ""
	}
	s := strings.Join(strings.Fields(*text), " ")
	return strings.ToValidUTF8(s[:min(len(s), longestKept)], "")
}

// holdID is a receipt number as the rest of the kiosk has it.
func holdID(receipt int64) kiosk.HoldID { return kiosk.HoldID(strconv.FormatInt(receipt, 10)) }

// receiptOf is the receipt number of a hold, 1 to 9999; an error for what no terminal of this protocol names so.
func receiptOf(id kiosk.HoldID) (int64, error) {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil || n < 1 || n > 9999 || holdID(n) != id { // 0231 would be another name for the hold 231
		return 0, fmt.Errorf("%q is not a receipt number from 1 to 9999", id)
	}
	return n, nil
}

// CheckHoldID tells why a terminal can have no hold of a name.
func CheckHoldID(id kiosk.HoldID) error { _, err := receiptOf(id); return err }

// Capture takes the used part of a hold. In the mode CaptureReleased it sends
// approved - used; this is the only place where the complement is computed.
func (t *Terminal) Capture(ctx context.Context, r kiosk.CaptureRequest) (kiosk.CaptureResult, error) {
	if r.Used.Minor <= 0 || r.Used.Minor > r.Hold.Approved.Minor {
		return kiosk.CaptureResult{}, fmt.Errorf("cannot capture %v of a hold of %v", r.Used, r.Hold.Approved)
	}
	receipt, err := receiptOf(r.Hold.ID)
	if err != nil {
		return kiosk.CaptureResult{}, err
	}
	instr, amount := byte(0x24), r.Used.Minor
	fields, objects := []Field{BCD(0x87, receipt, 2)}, []TLV{reference(r.Reference)}
	if t.cfg.Capture == CaptureReleased {
		instr, amount = 0x23, r.Hold.Approved.Minor-r.Used.Minor
	} else {
		more, trace := ofReservation(r.Hold)
		fields, objects = append(fields, more...), append(objects, trace...)
	}
	fields = append(fields, BCD(0x04, amount, 6), Bin(0x19, payByTerminal), t.currencyField(), Container(objects...))
	return t.book(ctx, Command(0x06, instr, nil, fields...), r.Hold.TerminalID, r.OnBooked)
}

// ofReservation is what the result of a reservation must name of it (PA00P015, 06 24): its trace
// number, of six digits or in a tag of its own, and the bank's authorisation.
func ofReservation(h kiosk.Hold) (fields []Field, objects []TLV) {
	if n, err := strconv.ParseInt(h.TraceNo, 10, 64); err == nil {
		if len(h.TraceNo) <= shortTrace {
			fields = append(fields, BCD(0x0B, n, 3))
		} else {
			fields = append(fields, BCD(0x0B, 0, 3))
			objects = append(objects, Object(0x1F2B, PutBCD(n, (len(h.TraceNo)+1)/2)...))
		}
	}
	if h.AuthCode != "" && len(h.AuthCode) <= authLength {
		fields = append(fields, Bin(0x3B, append([]byte(h.AuthCode),
			make([]byte, authLength-len(h.AuthCode))...)...))
	}
	return fields, objects
}

// shortTrace is how many digits a trace number of field 0B is written with. One of tag 1F2B has more, zeros first if
// need be: it must go back in the tag that it came in.
const shortTrace = 6

// authLength is of field 3B, which is filled up with 00.
const authLength = 8

// Release gives a whole hold back (06 25).
func (t *Terminal) Release(ctx context.Context, r kiosk.ReleaseRequest) (kiosk.CaptureResult, error) {
	receipt, err := receiptOf(r.ID)
	if err != nil {
		return kiosk.CaptureResult{}, err
	}
	return t.book(ctx, Command(0x06, 0x25, nil, BCD(0x87, receipt, 2), Bin(0x19, payByTerminal),
		t.currencyField()), r.TerminalID, r.OnBooked)
}

// book runs a command whose result is a result. A capture that cannot be recorded is
// turned back, and the hold stays open.
func (t *Terminal) book(ctx context.Context, cmd APDU, owner string,
	record func(kiosk.CaptureResult) error) (kiosk.CaptureResult, error) {
	if err := t.ready(ctx); err != nil {
		return kiosk.CaptureResult{}, err
	}
	if err := t.foreign(owner); err != nil {
		return kiosk.CaptureResult{}, err
	}
	var result kiosk.CaptureResult
	turnedBack, acknowledged := false, false
	_, err := t.ask(ctx, cmd, handlers{limit: bookLimit, result: func(m Message) error {
		got, err := t.result(m)
		if err == nil && got != nil && record != nil {
			err = record(*got)
		}
		turnedBack, acknowledged = err != nil, acknowledged || err == nil
		if err == nil && got != nil { // else it was booked, and what is not known: its list will tell
			result = *got
		}
		return err
	}})
	var no *refusal
	switch {
	case acknowledged && err != nil:
		return result, unknown(err)
	case acknowledged && turnedBack:
		return result, fmt.Errorf("%w: another result followed the one that was booked", kiosk.ErrOutcomeUnknown)
	case turnedBack && (err == nil || errors.As(err, &no)):
		return kiosk.CaptureResult{}, &kiosk.Declined{Class: kiosk.DeclineNotWritten, Code: "6C"}
	case errors.As(err, &no):
		return kiosk.CaptureResult{}, no.declined()
	case err == nil && result.ID == "":
		return result, fmt.Errorf("%w: %s was completed without a result", kiosk.ErrOutcomeUnknown, Name(cmd))
	}
	return result, err
}

// foreign tells whether another terminal answers than the one that is meant.
func (t *Terminal) foreign(want string) error {
	if want == "" || t.tid == "" || want == t.tid {
		return nil
	}
	return fmt.Errorf("%w: %w: terminal %s is meant, %s answers", kiosk.ErrUnreachable, kiosk.ErrOtherTerminal, want,
		t.tid)
}

// own tells whether the site's terminal answers: one that does not say which it is may be any.
func (t *Terminal) own() error {
	if t.cfg.ID != "" && t.tid == "" {
		return fmt.Errorf("%w: %w: terminal %s is meant, and the one that answers does not name itself",
			kiosk.ErrUnreachable, kiosk.ErrOtherTerminal, t.cfg.ID)
	}
	return t.foreign(t.cfg.ID)
}

// otherCurrency tells whether a message names another currency than the site's, or one that cannot be told, and which.
func (t *Terminal) otherCurrency(m Message) (which string, other bool) {
	_, named := m.Get(0x49)
	switch c := m.Payment().Currency; {
	case !named:
		return "", false
	case c == nil:
		return "that cannot be told", true
	default:
		return strconv.FormatInt(*c, 10), *c != int64(t.cfg.Currency.Number())
	}
}

// result reads a result: of a hold, a capture or a release. Its error says why it cannot stand. It
// is nil where the amount or the receipt number is absent, which says nothing and is no zero.
func (t *Terminal) result(m Message) (*kiosk.CaptureResult, error) {
	if _, ok := m.Get(0x27); !ok {
		return nil, errors.New("result has no code")
	}
	if c, other := t.otherCurrency(m); other {
		return nil, fmt.Errorf("result is in currency %s, want %s", c, t.cfg.Currency)
	}
	p := m.Payment()
	if p.Amount == nil || p.Receipt == nil || *p.Receipt == 0 {
		return nil, nil
	}
	b := &kiosk.CaptureResult{ID: holdID(*p.Receipt), Booked: kiosk.Money{Minor: *p.Amount, Currency: t.cfg.Currency}}
	if p.Trace != nil {
		b.TraceNo = fmt.Sprintf("%0*d", p.traceDigits, *p.Trace)
	}
	date, ok := m.Get(0x0D)
	if clock, there := m.Get(0x0C); ok && there {
		b.Stamp = fmt.Sprintf("%x %x", date, clock)
	}
	return b, nil
}

// Open asks which pre-authorisations are open (06 23 with receipt FFFF).
//
//	> 06 23 03 87 FF FF   < 06 1E .. B8 87 02 31 06{23{08 02 31, 08 02 32}}
//
// A terminal without such a list (Config.NoOpenList) is only asked whether it is there.
func (t *Terminal) ListHolds(ctx context.Context) (kiosk.OpenHolds, error) {
	if err := t.ready(ctx); err != nil {
		return kiosk.OpenHolds{}, err
	}
	if t.cfg.ID != "" && t.tid == "" {
		return kiosk.OpenHolds{}, t.own()
	}
	if t.cfg.NoOpenList {
		_, err := t.Status(ctx)
		return kiosk.OpenHolds{TerminalID: t.tid}, err
	}
	end, err := t.ask(ctx, Command(0x06, 0x23, nil, Bin(0x87, 0xFF, 0xFF)), handlers{limit: askLimit})
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		return kiosk.OpenHolds{}, asUnreachable(err)
	}
	receipts, complete, ok := end.OpenReceipts()
	switch {
	case !ok && refused(err, 0x83):
		return kiosk.OpenHolds{}, ErrNoOpenList
	case !ok:
		if no != nil {
			return kiosk.OpenHolds{}, no.declined()
		}
		return kiosk.OpenHolds{}, errors.New("terminal did not answer with its open pre-authorisations")
	}
	open := kiosk.OpenHolds{Complete: complete, TerminalID: t.tid}
	for _, n := range receipts {
		open.IDs = append(open.IDs, holdID(int64(n)))
	}
	return open, nil
}

// ErrNoOpenList is of a terminal that does not take the enquiry of its open pre-authorisations.
var ErrNoOpenList = errors.New("terminal has no list of open pre-authorisations: set terminal.open_list to false")

// ReadCard reads a card without a payment (06 C0), with the terminal's own prompts.
//
//	> 06 C0 .. <wait> 19 10 FC 01 06{1F15 D0, 1F60 07}   < 80 00 00   < 04 FF ..
//	< 04 0F .. 06{1F14 ..}   > 80 00 00                   or  < 06 1E 6C
//
// What a terminal sends of the card beyond its token is dropped here.
func (t *Terminal) ReadCard(ctx context.Context, wait time.Duration) (string, error) {
	if err := t.ready(ctx); err != nil {
		return "", err
	}
	cmd := Command(0x06, 0xC0, []byte{byte(min(wait/time.Second, 255))}, Bin(0x19, 0x10), Bin(0xFC, 0x01),
		Container(Object(0x1F15, 0xD0), Object(0x1F60, 0x07)))
	var token string
	_, err := t.ask(ctx, cmd, handlers{accept: wait, limit: wait + askLimit, card: true, last: true,
		result: func(m Message) error {
			token = t.token(m)
			return nil
		}})
	var no *refusal
	switch {
	case errors.As(err, &no):
		return "", no.declined()
	case err != nil:
		return "", asUnreachable(err)
	}
	return token, nil
}

// Last asks for the last result again (06 20), without printing.
func (t *Terminal) Last(ctx context.Context) (kiosk.CaptureResult, error) {
	if err := t.ready(ctx); err != nil {
		return kiosk.CaptureResult{}, err
	}
	var last *kiosk.CaptureResult
	cmd := Command(0x06, 0x20, t.password(), Bin(0x03, 0x03))
	_, err := t.ask(ctx, cmd, handlers{limit: askLimit, result: func(m Message) (err error) {
		last, err = t.result(m)
		return err
	}})
	var no *refusal
	switch {
	case errors.As(err, &no):
		return kiosk.CaptureResult{}, no.declined()
	case err != nil:
		return kiosk.CaptureResult{}, asUnreachable(err)
	case last == nil:
		return kiosk.CaptureResult{}, errors.New("terminal did not repeat its last result")
	}
	return *last, nil
}

// asUnreachable is for questions: asking again never does harm.
func asUnreachable(err error) error {
	return fmt.Errorf("%w: %v", kiosk.ErrUnreachable, err)
}

// EndOfDay runs the terminal's reconciliation (06 50). Some terminals drop or book
// open holds with it: the caller makes sure that there are none.
func (t *Terminal) EndOfDay(ctx context.Context) (total *kiosk.Money, err error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	if err := t.own(); err != nil {
		return nil, err
	}
	cmd := Command(0x06, 0x50, t.password())
	_, err = t.ask(ctx, cmd, handlers{ownDay: true, result: func(m Message) error {
		_, other := t.otherCurrency(m)
		if n := m.Payment().Amount; n != nil && !other {
			total = &kiosk.Money{Minor: *n, Currency: t.cfg.Currency}
		}
		return nil
	}})
	var no *refusal
	if errors.As(err, &no) {
		return nil, no.declined()
	}
	return total, err
}

// Status runs a status enquiry (05 01).
func (t *Terminal) Status(ctx context.Context) (kiosk.TerminalStatus, error) {
	if err := t.ready(ctx); err != nil {
		return kiosk.TerminalStatus{}, err
	}
	s, err := t.status(ctx, t.ask)
	var no *refusal
	if errors.As(err, &no) {
		return kiosk.TerminalStatus{}, no.declined()
	}
	if err != nil {
		return kiosk.TerminalStatus{}, asUnreachable(err)
	}
	return s, nil
}

// asker is ask, or exchange where the terminal is being registered with.
type asker func(context.Context, APDU, handlers) (Message, error)

func (t *Terminal) status(ctx context.Context, ask asker) (kiosk.TerminalStatus, error) {
	end, err := ask(ctx, Command(0x05, 0x01, t.password(), Bin(0x03, 0x05)), handlers{limit: askLimit})
	if err != nil {
		return kiosk.TerminalStatus{}, err
	}
	if end.Broken {
		return kiosk.TerminalStatus{}, errors.New("answer to the status enquiry cannot be read")
	}
	software, code, ok := end.Completion()
	p := end.Payment()
	s := kiosk.TerminalStatus{TerminalID: t.tid, Software: software}
	if ok {
		s.Code, s.Text = fmt.Sprintf("%02X", code), ConditionOf(code).Text
	}
	if v, ok := end.Find(0x1F42); ok {
		s.Serial = strings.TrimLeft(hex.EncodeToString(v), "0")
	}
	s.Date, s.Time = kept(p.Date), kept(p.Time)
	if p.TerminalID != nil {
		s.TerminalID = *p.TerminalID
	}
	s.NotReady = notReady(conditionOf(s))
	return s, nil
}

// cureEvery is how often a terminal is told to do what it says it needs.
const cureEvery = 10 * time.Minute

// Ready runs a status enquiry (05 01). The specification has it once a minute while nothing else is
// to be done: some terminals use it to end their day, or to update themselves. What a status or the
// registration asks for and does no harm is done, at most every ten minutes.
func (t *Terminal) Ready(ctx context.Context) error {
	s, err := t.statusIfAny(ctx)
	if err != nil {
		return err
	}
	cures := t.needs
	if cure := conditionOf(s).Cure; cure != nil && !slices.Contains(cures, cure) {
		cures = append(cures, cure)
	}
	if len(cures) > 0 && time.Since(t.cured) > cureEvery {
		t.cured, t.needs = time.Now(), nil
		for _, cure := range cures {
			if err := t.cure(ctx, s, *cure); errors.Is(err, kiosk.ErrUnreachable) {
				return err
			}
		}
		s, err = t.statusIfAny(ctx)
		if err != nil {
			return err
		}
	}
	if s.NotReady != nil {
		return s.NotReady
	}
	return nil
}

// statusIfAny is the status of a terminal. One that does not know the enquiry says nothing of itself.
func (t *Terminal) statusIfAny(ctx context.Context) (kiosk.TerminalStatus, error) {
	s, err := t.Status(ctx)
	var no *kiosk.Declined
	if errors.As(err, &no) && (no.Code == "83" || no.Code == "9A") {
		return kiosk.TerminalStatus{}, nil
	}
	return s, err
}

// cure tells the terminal to do what it needs.
func (t *Terminal) cure(ctx context.Context, s kiosk.TerminalStatus, what Instruction) error {
	head := t.password()
	if what == *Diagnosis {
		head = nil
	}
	cmd := Command(what[0], what[1], head)
	t.log.Info("terminal is told to do what it needs", "status", s.Code, "command", cmd.String())
	_, err := t.ask(ctx, cmd, handlers{limit: 2 * time.Minute})
	return err
}

// notReady is what a condition has in the way of a payment; nil for nothing.
func notReady(now Condition) *kiosk.Declined {
	if now.Ready {
		return nil
	}
	no := declined(now.Code)
	no.Text = now.Text
	switch no.Class {
	case kiosk.DeclineBusy, kiosk.DeclineCardIn, kiosk.DeclineDayEnd:
	default: // what the number means as a result says nothing of a status
		no.Class = kiosk.DeclineTerminal
	}
	return no
}

// conditionOf is what a terminal's status says; one that says nothing of it is ready.
func conditionOf(s kiosk.TerminalStatus) Condition {
	code, err := strconv.ParseUint(s.Code, 16, 8)
	if err != nil {
		return Condition{Ready: true}
	}
	return ConditionOf(byte(code))
}

// declines says what a driver can do about a result code. The first range that holds
// a code counts; what is in none is a fault of the terminal.
var declines = []struct {
	from, to byte
	class    kiosk.DeclineClass
}{
	{0x6C, 0x6C, kiosk.DeclineNoCard},
	{0x9C, 0x9C, kiosk.DeclineBusy}, {0xE0, 0xE0, kiosk.DeclineBusy},
	{0xDC, 0xDC, kiosk.DeclineCardIn}, {0xE1, 0xE1, kiosk.DeclineCardIn},
	{0xB4, 0xB5, kiosk.DeclineNoHold},
	{0xF0, 0xF0, kiosk.DeclineDayEnd},
	{0x64, 0x66, kiosk.DeclineUnreadable},
	{0x13, 0x13, kiosk.DeclinePIN}, {0x33, 0x33, kiosk.DeclinePIN}, {0x37, 0x38, kiosk.DeclinePIN},
	{0x3D, 0x3D, kiosk.DeclinePIN}, {0x41, 0x41, kiosk.DeclinePIN}, {0x51, 0x51, kiosk.DeclinePIN},
	{0xEB, 0xEC, kiosk.DeclinePIN}, {0xFC, 0xFC, kiosk.DeclinePIN},
	{0x06, 0x06, kiosk.DeclineCard}, {0x0E, 0x0E, kiosk.DeclineCard}, {0x36, 0x36, kiosk.DeclineCard},
	{0x39, 0x39, kiosk.DeclineCard}, {0x50, 0x50, kiosk.DeclineCard}, {0x67, 0x68, kiosk.DeclineCard},
	{0x6E, 0x6E, kiosk.DeclineCard}, {0x72, 0x73, kiosk.DeclineCard}, {0x76, 0x76, kiosk.DeclineCard},
	{0x78, 0x7C, kiosk.DeclineCard}, {0x7E, 0x7E, kiosk.DeclineCard}, {0xC5, 0xC6, kiosk.DeclineCard},
	{0xCB, 0xCB, kiosk.DeclineCard}, {0xCD, 0xCD, kiosk.DeclineCard}, {0xD2, 0xD2, kiosk.DeclineCard},
	{0xF1, 0xF1, kiosk.DeclineCard},
	{0x0F, 0x0F, kiosk.DeclineHost}, {0x18, 0x18, kiosk.DeclineHost}, {0x3A, 0x3A, kiosk.DeclineHost},
	{0x3F, 0x3F, kiosk.DeclineHost}, {0x4C, 0x4C, kiosk.DeclineHost}, {0x5B, 0x5D, kiosk.DeclineHost},
	{0x5F, 0x61, kiosk.DeclineHost}, {0x63, 0x63, kiosk.DeclineHost}, {0x7D, 0x7D, kiosk.DeclineHost},
	{0x9B, 0x9B, kiosk.DeclineHost}, {0xA0, 0xA3, kiosk.DeclineHost},
	{0x56, 0x57, kiosk.DeclineTerminal}, {0x59, 0x59, kiosk.DeclineTerminal}, {0x62, 0x62, kiosk.DeclineTerminal},
	{0x01, 0x63, kiosk.DeclineIssuer}, {0x71, 0x71, kiosk.DeclineIssuer},
}

func declined(code byte) *kiosk.Declined {
	class := kiosk.DeclineTerminal
	for _, d := range declines {
		if d.from <= code && code <= d.to {
			class = d.class
			break
		}
	}
	return &kiosk.Declined{Class: class, Code: fmt.Sprintf("%02X", code)}
}

// progressOf says what a driver should see of an intermediate status.
func progressOf(code byte) (kiosk.Progress, bool) {
	switch {
	case code == wantsCard:
		return kiosk.ProgressPresent, true
	case code == 0x0C:
		return kiosk.ProgressTryAgain, true
	case code == 0x01, code == 0x02, code == 0x15, code == 0xCC, code == 0x28, code == 0x29, code == 0x2C, code == 0x69:
		return kiosk.ProgressPIN, true
	case code == 0x0B, code == 0x66, code == 0x67, code >= 0x41 && code <= 0x5D:
		return kiosk.ProgressRemoveCard, true
	case code == 0x04, code == 0x05, code == 0x06, code == 0x0E, code == 0x0F, code == 0x17, code == 0x2A,
		code == 0x2B, code == 0x68, code == 0xC9, code == 0xCA, code == 0xD2, code == 0xD3, code == 0xF1, code == 0xF2,
		code == 0xFF: // whose text may not be meant for a visitor
		return kiosk.ProgressWait, true
	}
	return "", false
}
