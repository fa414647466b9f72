package simulator

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"kioskd/modbus"
)

// Faults are what is to go wrong, device by device. In a file they are one a line, with
// comments after #:
//
//	terminal lose_result       the next payment; each further line the one after it
//	terminal good              a payment with which nothing goes wrong
//	meter 20 silent 10         from the 20th answer on, ten are not given
//	meter 40 garbled           one answer with a wrong checksum; see BusFault
//	board 100 silent 30
//	terminal hold refuse 6C 2  the next two holds; without a number for ever
//	terminal list empty        see Manner
//	meter lies jumps           see Lie
//	meter signs forged         see SignFault; of every meter that signs
//	charger start_first        see ChargerFault; of every charger
type Faults struct {
	Terminal []CardFault
	Manners  []Repeated
	Meter    []BusFault
	Board    []BusFault
	Lie      Lie // of every meter
	Sign     SignFault
	Charger  []ChargerFault
}

// Repeated is a manner, and how often it happens; 0 for ever.
type Repeated struct {
	Manner
	Times int
}

// BusFault is what goes wrong with answers on a bus.
type BusFault struct {
	From  int // first answer, counted from 1
	Count int
	What  string // see BusFaults
}

// BusFaults are what may go wrong with an answer.
func BusFaults() []string { return slices.Sorted(maps.Keys(distortions())) }

// distortions are the faults of an answer by their names. late has what was held back.
func distortions() map[string]func(answer []byte, late *[]byte) []byte {
	code := func(c byte) func([]byte, *[]byte) []byte {
		return func(a []byte, _ *[]byte) []byte { return exception(a, c) }
	}
	return map[string]func([]byte, *[]byte) []byte{
		"silent":  func([]byte, *[]byte) []byte { return nil },
		"garbled": func(a []byte, _ *[]byte) []byte { a[len(a)-1] ^= 0x55; return a },
		"late":    func(a []byte, late *[]byte) []byte { *late = append(*late, a...); return nil }, // with the next one
		"twice":   func(a []byte, _ *[]byte) []byte { return append(slices.Clone(a), a...) },
		"short":   func(a []byte, _ *[]byte) []byte { return a[:len(a)/2] },
		"foreign": func(a []byte, _ *[]byte) []byte { return ofAnother(a) }, // of another unit
		"refused": code(2),                                                  // no such register
		"busy":    code(6),
		"gateway": code(0x0B), // says that the unit does not answer
	}
}

// rtu tells whether an answer is one of RTU, which ends with its checksum.
func rtu(a []byte) bool {
	return len(a) > 4 && binary.LittleEndian.Uint16(a[len(a)-2:]) == modbus.CRC(a[:len(a)-2])
}

// exception is one in place of an answer (Modbus Application Protocol 1.1b3, chapter 7).
func exception(a []byte, code byte) []byte {
	if rtu(a) {
		return modbus.AppendCRC([]byte{a[0], a[1] | 0x80, code})
	}
	out := append(slices.Clone(a[:7]), a[7]|0x80, code)
	binary.BigEndian.PutUint16(out[4:], 3)
	return out
}

// ofAnother is an answer with the number of another unit.
func ofAnother(a []byte) []byte {
	if !rtu(a) {
		a[6]++
		return a
	}
	a[0]++
	return modbus.AppendCRC(a[:len(a)-2])
}

// SignFault is what goes wrong where meters sign.
type SignFault string

// Faults of signing.
const (
	Signs    SignFault = ""
	Forged   SignFault = "forged"  // a record is another one than was signed
	SignsNot SignFault = "nothing" // every write is refused
)

const goodPayment = "good"

// ReadFaults reads a file of faults. Its error has the place.
func ReadFaults(r io.Reader, name string) (Faults, error) {
	var out Faults
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		if err := out.add(strings.Fields(text)); err != nil {
			return out, fmt.Errorf("%s:%d:1: %w", name, n, err)
		}
	}
	return out, in.Err()
}

func (f *Faults) add(words []string) error {
	switch {
	case len(words) == 0:
		return nil
	case words[0] == "terminal" && len(words) == 2:
		fault := CardFault(words[1])
		if !slices.Contains([]CardFault{goodPayment, LoseResult, LoseCompletion, RepeatResult, HostDown, Hang, FullPAN,
			UnknownField}, fault) {
			return fmt.Errorf("fault %q of a terminal: want good, lose_result, lose_completion, repeat_result, "+
				"host_down, hang, full_pan or unknown_field", words[1])
		}
		f.Terminal = append(f.Terminal, fault)
		return nil
	case words[0] == "terminal" && len(words) > 2:
		m, times, err := readManner(words[1:])
		f.Manners = append(f.Manners, Repeated{m, times})
		return err
	case words[0] == "meter" && len(words) == 3 && words[1] == "lies":
		f.Lie = Lie(words[2])
		if !slices.Contains(Lies(), f.Lie) {
			return fmt.Errorf("lie %q of a meter: want one of %v", words[2], Lies())
		}
		return nil
	case words[0] == "charger" && len(words) == 2:
		fault := ChargerFault(words[1])
		if !slices.Contains(ChargerFaults(), fault) {
			return fmt.Errorf("fault %q of a charger: want one of %v", words[1], ChargerFaults())
		}
		f.Charger = append(f.Charger, fault)
		return nil
	case words[0] == "meter" && len(words) == 3 && words[1] == "signs":
		f.Sign = SignFault(words[2])
		if f.Sign != Forged && f.Sign != SignsNot {
			return fmt.Errorf("fault %q of what a meter signs: want %s or %s", words[2], Forged, SignsNot)
		}
		return nil
	case (words[0] == "meter" || words[0] == "board") && (len(words) == 3 || len(words) == 4):
		b, err := busFault(words[1:])
		if words[0] == "meter" {
			f.Meter = append(f.Meter, b)
		} else {
			f.Board = append(f.Board, b)
		}
		return err
	}
	return fmt.Errorf("cannot read %q: want terminal FAULT, terminal EXCHANGE WAY [HEX] [TIMES], "+
		"meter FROM FAULT [COUNT], meter lies LIE, meter signs FAULT, board FROM FAULT [COUNT] or charger FAULT",
		strings.Join(words, " "))
}

func busFault(words []string) (b BusFault, err error) {
	b = BusFault{Count: 1, What: words[1]}
	b.From, err = strconv.Atoi(words[0])
	if err != nil || b.From < 1 {
		return b, fmt.Errorf("%q: want the number of an answer", words[0])
	}
	if !slices.Contains(BusFaults(), b.What) {
		return b, fmt.Errorf("fault %q of a bus: want one of %v", b.What, BusFaults())
	}
	if len(words) == 3 {
		b.Count, err = strconv.Atoi(words[2])
		if err != nil || b.Count < 1 {
			return b, fmt.Errorf("%q: want how many answers", words[2])
		}
	}
	return b, nil
}

// Distort is for Bus.Distort: it spoils the answers that the faults name.
func Distort(faults []BusFault) func([]byte) []byte {
	var mu sync.Mutex
	var late []byte
	n := 0
	return func(answer []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		n++
		before := late
		late = nil
		for _, f := range faults {
			if len(answer) > 0 && n >= f.From && n < f.From+f.Count {
				answer = distortions()[f.What](answer, &late)
			}
		}
		return append(before, answer...)
	}
}

// BehaveAll lets a terminal behave in several ways.
func (t *Terminal) BehaveAll(all []Repeated) {
	for _, m := range all {
		t.Behave(m.Manner, m.Times)
	}
}

// InjectAll injects faults in their order.
func (t *Terminal) InjectAll(faults []CardFault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, faults...)
}

// Heal forgets the faults that did not happen yet, and every manner.
func (t *Terminal) Heal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.manners = nil, nil
}
