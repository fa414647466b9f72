package zvt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kioskd/line"
)

// Link carries APDUs. One goroutine at a time may use it. An error other than
// ErrTimeout and ErrNAK leaves the link unusable: close it.
type Link interface {
	// Send returns nil when the other side has the APDU. Over TCP that is when the
	// kernel has it.
	Send(APDU) error
	// Receive waits for the next APDU.
	Receive(wait time.Duration) (APDU, error)
	// Repeats counts the sends that were repeated because nothing was heard: the other
	// side may have what it was sent twice.
	Repeats() int
	Close() error
}

// Errors of links.
var (
	ErrTimeout = errors.New("no message in time")
	ErrNAK     = errors.New("message was not accepted by the other side in three sends") // it answered NAK each time
	// it may have arrived all the same
	ErrNoACK = errors.New("message was not acknowledged in three sends")
)

// Transport timers of PA00P016, chapter 3.
const (
	T1    = 200 * time.Millisecond // largest gap inside a frame
	T2    = 5 * time.Second        // for ACK or NAK
	T3    = 5 * time.Second        // for the answer to a command
	T4    = 180 * time.Second      // for the completion; each intermediate status restarts it
	sends = 3
)

// Serial is a Link over a serial line.
type Serial struct {
	Stats *line.Stats // may be nil

	pump  *line.Pump
	frame Deframer
	bytes []byte // arrived, not fed yet
	inbox []APDU // arrived and acknowledged while we were sending

	last    []byte // the last frame that arrived: the same one again is a repeat; nil after a command of ours
	repeats int
}

// NewSerial takes over a line.
func NewSerial(rw io.ReadWriteCloser) *Serial { return &Serial{pump: line.NewPump(rw)} }

// Close closes the line.
func (s *Serial) Close() error { return s.pump.Close() }

// next waits for the next signal on the line. A gap of T1 inside a frame is an error
// of the frame.
func (s *Serial) next(deadline time.Time) (Signal, error) {
	for {
		for len(s.bytes) > 0 {
			b := s.bytes[0]
			s.bytes = s.bytes[1:]
			if sig := s.frame.Feed(b); sig != Nothing {
				return sig, nil
			}
		}
		wait := time.Until(deadline)
		if s.frame.Partial() { // the deadline is for the beginning of a frame
			wait = T1
		}
		b, err := s.pump.Next(wait)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if s.frame.Partial() {
				s.frame.Reset()
				return GotError, nil
			}
			return Nothing, ErrTimeout
		case err != nil:
			return Nothing, err
		}
		s.bytes = b
	}
}

// Repeats implements Link.
func (s *Serial) Repeats() int { return s.repeats }

// Send sends an APDU up to three times. A frame that arrives meanwhile (the other
// side's ACK and its next message often come together) is acknowledged and kept. Where
// it can only be said by one who has ours, its ACK was lost on the way and ours is not
// sent again: a command that is sent twice may be carried out twice.
func (s *Serial) Send(a APDU) error {
	wire := Frame(a)
	refused := 0
	if !a.IsAnswer() {
		s.last = nil // what is said to a new command may well be what was said to the one before
	}
	for i := range sends {
		if err := s.pump.Write(wire); err != nil {
			return fmt.Errorf("cannot send: %w", err)
		}
		s.Stats.Add(line.Sent)
		if i > refused {
			s.repeats++
			s.Stats.Add(line.Repeated)
		}
		sig, err := s.awaitACK(a, time.Now().Add(T2))
		switch {
		case err != nil && !errors.Is(err, ErrTimeout):
			return err
		case sig == GotACK:
			return nil
		case sig == GotNAK:
			refused++
		}
	}
	if refused == sends {
		return ErrNAK
	}
	s.Stats.Add(line.Silent)
	return ErrNoACK
}

func (s *Serial) awaitACK(sent APDU, deadline time.Time) (Signal, error) {
	for {
		sig, err := s.next(deadline)
		if err != nil {
			return Nothing, err
		}
		if sig == GotACK || sig == GotNAK {
			return sig, nil
		}
		repeat, err := s.answer(sig)
		if err != nil {
			return Nothing, err
		}
		if sig == GotFrame && !repeat && s.inbox[len(s.inbox)-1].IsAnswer() != sent.IsAnswer() {
			return GotACK, nil
		}
	}
}

// answer acknowledges a frame or an error of one; a good frame goes to the inbox. An
// answer that comes twice in a row is dropped: there is nothing to be said to it. A
// command that comes twice is handed on, because its sender waits for our answer.
func (s *Serial) answer(sig Signal) (repeat bool, err error) {
	reply := byte(nak)
	if sig == GotError {
		s.Stats.Add(line.Bad)
	}
	if sig == GotFrame {
		reply = ack
		a := s.frame.APDU()
		wire := a.Bytes()
		repeat, s.last = bytes.Equal(wire, s.last), wire
		if !repeat || !a.IsAnswer() {
			s.inbox = append(s.inbox, a)
		}
	}
	if err := s.pump.Write([]byte{reply}); err != nil {
		return repeat, fmt.Errorf("cannot acknowledge: %w", err)
	}
	return repeat, nil
}

// Receive waits for the next APDU and acknowledges its frame at once.
func (s *Serial) Receive(wait time.Duration) (APDU, error) {
	deadline := time.Now().Add(wait)
	for len(s.inbox) == 0 {
		sig, err := s.next(deadline)
		if err != nil {
			return APDU{}, err
		}
		if sig == GotFrame || sig == GotError {
			if _, err := s.answer(sig); err != nil {
				return APDU{}, err
			}
		}
	}
	a := s.inbox[0]
	s.inbox = s.inbox[1:]
	return a, nil
}

// Stream is a Link over TCP (PA00P016 chapter 6): APDUs follow each other without a
// frame.
type Stream struct {
	pump  *line.Pump
	bytes []byte
}

// NewStream takes over a connection.
func NewStream(rw io.ReadWriteCloser) *Stream { return &Stream{pump: line.NewPump(rw)} }

// Repeats implements Link: TCP repeats by itself, and never to the reader.
func (s *Stream) Repeats() int { return 0 }

// Close closes the connection.
func (s *Stream) Close() error { return s.pump.Close() }

// Send writes an APDU.
func (s *Stream) Send(a APDU) error {
	if err := s.pump.Write(a.Bytes()); err != nil {
		return fmt.Errorf("cannot send: %w", err)
	}
	return nil
}

// mostGreeting is how much of a greeting is shown to a person.
const mostGreeting = 16

// Greeting takes what a fresh connection has to say until it is quiet. Messages of ZVT wait for
// Receive; anything else is thrown away, or it would be taken for the beginning of the messages
// that follow, and its first bytes are returned.
func (s *Stream) Greeting(quiet time.Duration) ([]byte, error) {
	for end := time.Now().Add(T3); time.Now().Before(end); {
		b, err := s.pump.Next(quiet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return nil, err
		}
		s.bytes = append(s.bytes, b...)
	}
	for rest := s.bytes; len(rest) > 0; {
		a, more, err := CutAPDU(rest)
		if _, name := commandLayout(a); err != nil || name == unknownName {
			greeting := s.bytes[:min(len(s.bytes), mostGreeting)]
			s.bytes = nil
			return greeting, nil
		}
		rest = more
	}
	return nil, nil
}

// Receive waits for a whole APDU.
func (s *Stream) Receive(wait time.Duration) (APDU, error) {
	deadline := time.Now().Add(wait)
	for {
		a, rest, err := CutAPDU(s.bytes)
		if err == nil {
			s.bytes = rest
			return a, nil
		}
		b, err := s.pump.Next(time.Until(deadline))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return APDU{}, ErrTimeout
		}
		if err != nil {
			return APDU{}, err
		}
		s.bytes = append(s.bytes, b...)
	}
}
