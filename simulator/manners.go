package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kioskd/terminal/zvt"
)

// Exchange is what a till and a terminal have to do with each other, by its command.
type Exchange string

// Exchanges.
const (
	Registering Exchange = "registration" // 06 00
	Asking      Exchange = "status"       // 05 01
	Holding     Exchange = "hold"         // 06 22
	Settling    Exchange = "settlement"   // 06 23, 06 24, 06 25
	Listing     Exchange = "list"         // 06 23 with 87 FFFF
	Repeating   Exchange = "last"         // 06 20
	Reading     Exchange = "card"         // 06 C0
	Ending      Exchange = "day_end"      // 06 50
)

// exchanges lists them all.
func exchanges() []Exchange {
	return []Exchange{Registering, Asking, Holding, Settling, Listing, Repeating, Reading, Ending}
}

// Manner is a way in which a terminal does not behave: of one exchange, once or for ever.
type Manner struct {
	On   Exchange
	What string
	Code byte   // refuse, nack
	Tag  uint16 // of a field of the result
}

// String is a manner as a file of faults has it.
func (m Manner) String() string {
	switch {
	case m.Tag != 0:
		return fmt.Sprintf("%s %s %02X", m.On, m.What, m.Tag)
	case m.What == refuses, m.What == nacks:
		return fmt.Sprintf("%s %s %02X", m.On, m.What, m.Code)
	}
	return fmt.Sprintf("%s %s", m.On, m.What)
}

// readManner reads what String writes, with how often: for ever without a number.
func readManner(words []string) (m Manner, times int, err error) {
	m.On, m.What, words = Exchange(words[0]), words[1], words[2:]
	bits := 0
	switch m.What {
	case refuses, nacks:
		bits = 8
	case leaves, changes, shouts:
		bits = 16
	}
	if bits > 0 && len(words) > 0 {
		n, err := strconv.ParseUint(words[0], 16, bits)
		if err != nil {
			return m, 0, fmt.Errorf("%q: want a hexadecimal number of %d bits", words[0], bits)
		}
		words = words[1:]
		if bits == 8 {
			m.Code = byte(n)
		} else {
			m.Tag = uint16(n)
		}
	}
	if !slices.Contains(Manners(), m) {
		return m, 0, fmt.Errorf(
			"%v: a terminal does no such thing: want an exchange and a way, as hold refuse 6C or list empty", m)
	}
	if len(words) == 1 {
		times, err = strconv.Atoi(words[0])
	}
	if len(words) > 1 || err != nil || len(words) == 1 && times < 1 {
		return m, 0, fmt.Errorf("%q: want how often", strings.Join(words, " "))
	}
	return m, times, nil
}

// What a terminal may do in place of what it should.
const (
	refuses = "refuse"  // 06 1E with a result code
	nacks   = "nack"    // 84 and a code
	silent  = "silent"  // to that command
	drops   = "drop"    // acknowledged, and nothing more
	noise   = "noise"   // a message of its own first, which no specification has
	leaves  = "omit"    // a field of the result
	changes = "change"  // a field to another value
	shouts  = "fill"    // a field with a card number, escapes and what is no text
	repeats = "repeat"  // the result before
	lists0  = "empty"   // a list, although something is open
	lists1  = "short"   // a list that lacks one
	listsX  = "settled" // a list with one that is not open
	listsF  = "first"   // a list of the first alone
)

// resultTags are the fields of a result (PA00P015, 04 0F) and what a list has.
func resultTags() []uint16 {
	return []uint16{0x27, 0x04, 0x49, 0x0C, 0x0D, 0x87, 0x0B, 0x29, 0x22, 0x3B, 0x8B, 0x06}
}

// Manners is every way of the specification's tables in which one answer can be another: each code to
// each command, each field left out, of another value and filled with what does not belong there, each
// list that is not whole.
//
// Left out is another receipt number in the result of a hold: a kiosk cannot find again what a terminal
// calls by a wrong name.
func Manners() (all []Manner) {
	for _, on := range exchanges() {
		for code := 1; code < 0x100; code++ {
			all = append(all, Manner{On: on, What: refuses, Code: byte(code)},
				Manner{On: on, What: nacks, Code: byte(code)})
		}
		for _, what := range []string{silent, drops, noise} {
			all = append(all, Manner{On: on, What: what})
		}
	}
	for _, on := range []Exchange{Holding, Settling, Repeating} {
		for _, tag := range resultTags() {
			for _, what := range []string{leaves, changes, shouts} {
				if on == Holding && what != leaves && tag == 0x87 {
					continue
				}
				all = append(all, Manner{On: on, What: what, Tag: tag})
			}
		}
		all = append(all, Manner{On: on, What: repeats})
	}
	for _, what := range []string{lists0, lists1, listsX, listsF} {
		all = append(all, Manner{On: Listing, What: what})
	}
	return all
}

// Weight is how often a manner is to be played for each time that one code is: there are many of those.
func (m Manner) Weight() int {
	switch m.What {
	case refuses, nacks:
		return 1
	case leaves, changes, shouts:
		return 10
	case silent, drops, noise, repeats:
		return 20
	}
	return 40 // a list
}

// manner is one that is at work.
type manner struct {
	Manner
	times int // that are left; negative for ever
}

// Behave lets a terminal behave so a number of times; for ever, until Heal, where that is 0.
func (t *Terminal) Behave(m Manner, times int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if times == 0 {
		times = -1
	}
	t.manners = append(t.manners, &manner{m, times})
}

// Relent ends what was to go on for ever in an exchange.
func (t *Terminal) Relent(on Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.manners = slices.DeleteFunc(t.manners, func(old *manner) bool { return old.On == on })
}

// misbehaves tells how, of some ways, this exchange goes wrong now; empty where it does not.
func (t *Terminal) misbehaves(on Exchange, ways ...string) Manner {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, m := range t.manners {
		if m.On != on || !slices.Contains(ways, m.What) {
			continue
		}
		m.times--
		if m.times == 0 {
			t.manners = slices.Delete(t.manners, i, i+1)
		}
		return m.Manner
	}
	return Manner{}
}

// exchangeOf is the exchange of a command; empty for one that the terminal does not know.
func exchangeOf(a zvt.APDU, m zvt.Message) Exchange {
	v, named := m.Get(0x87)
	switch {
	case a.Is(0x06, 0x00):
		return Registering
	case a.Is(0x05, 0x01):
		return Asking
	case a.Is(0x06, 0x22):
		return Holding
	case a.Is(0x06, 0x23) && named && v[0] == 0xFF:
		return Listing
	case a.Is(0x06, 0x23), a.Is(0x06, 0x24), a.Is(0x06, 0x25):
		return Settling
	case a.Is(0x06, 0x20):
		return Repeating
	case a.Is(0x06, 0xC0):
		return Reading
	case a.Is(0x06, 0x50):
		return Ending
	}
	return ""
}

// refuse plays a command that is not carried out; done is false where it is to go on.
func (t *Terminal) refuse(link zvt.Link, on Exchange) (done bool, err error) {
	switch m := t.misbehaves(on, refuses, nacks, silent, drops, noise); m.What {
	case refuses:
		if err := link.Send(zvt.Ack()); err != nil {
			return true, err
		}
		if on == Holding || on == Settling {
			return true, t.fail(link, m.Code)
		}
		return true, t.say(link, zvt.Command(0x06, 0x1E, []byte{m.Code}))
	case nacks:
		return true, link.Send(zvt.Nack(m.Code))
	case silent:
		return true, errHang
	case drops:
		return true, errors.Join(link.Send(zvt.Ack()), errHang)
	case noise:
		return false, link.Send(zvt.Command(0x04, 0xEE, []byte("\x1b[2J4111111111111111\xff")))
	}
	return false, nil
}

// distort changes a result's fields.
func (t *Terminal) distort(on Exchange, fields []zvt.Field) []zvt.Field {
	m := t.misbehaves(on, leaves, changes, shouts)
	at := slices.IndexFunc(fields, func(f zvt.Field) bool { return uint16(f.Tag) == m.Tag })
	if m.What == "" || at < 0 {
		return fields
	}
	out := slices.Clone(fields)
	f := &out[at]
	switch m.What {
	case leaves:
		return slices.Delete(out, at, at+1)
	case changes:
		f.Value = slices.Clone(f.Value)
		for i := range f.Value {
			f.Value[i] ^= 0x01 // BCD stays BCD
		}
	case shouts:
		f.Value = slices.Clone(f.Value)
		copy(f.Value, "\x41\x11\x11\x11\x11\x11\x11\x11\x1b[31m")
	}
	return out
}

// listed is what a list names in place of what is open.
func (t *Terminal) listed(open []int) (names []int, firstOnly bool) {
	switch m := t.misbehaves(Listing, lists0, lists1, listsX, listsF); m.What {
	case lists0:
		return nil, t.FirstOnly
	case lists1:
		return open[min(1, len(open)):], t.FirstOnly
	case listsX:
		if last := t.Bank.Last(); last.ReceiptNo != 0 && !slices.Contains(open, last.ReceiptNo) {
			return append(slices.Clone(open), last.ReceiptNo), t.FirstOnly
		}
	case listsF:
		return open, true
	}
	return open, t.FirstOnly
}
