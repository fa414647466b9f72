package zvt

import (
	"context"
	"log/slog"
	"time"
)

// Traced writes each message of a link to a log, by what Describe says of it: card numbers are masked, track data and
// passwords are left out. Of what it cannot read it says how many bytes there are.
func Traced(dial Dial, log *slog.Logger) Dial {
	return func(ctx context.Context) (Link, error) {
		l, err := dial(ctx)
		if err != nil {
			log.Info("zvt", "link", "does not open", "error", err)
			return nil, err
		}
		return &tracedLink{l, log}, nil
	}
}

type tracedLink struct {
	Link
	log *slog.Logger
}

func (t *tracedLink) Send(a APDU) error {
	err := t.Link.Send(a)
	t.write("to terminal", a, err)
	return err
}

func (t *tracedLink) Receive(wait time.Duration) (APDU, error) {
	a, err := t.Link.Receive(wait)
	if err == nil {
		t.write("from terminal", a, nil)
	}
	return a, err
}

func (t *tracedLink) write(way string, a APDU, err error) {
	m, broken := Parse(a)
	d := Describe(m)
	if unread, is := d.Fields["unknown"].(string); is { // it may be anything, a card number too
		d.Fields["unknown"] = len(unread) / 2
	}
	t.log.Info("zvt", "way", way, "name", d.Name, "class", d.Class, "instr", d.Instr, "fields", d.Fields, "broken",
		broken, "error", err)
}
