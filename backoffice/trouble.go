package backoffice

import (
	"errors"
	"fmt"
	"time"
)

// Class says what is wrong with the way to a back office. Each is the end of a text's key.
type Class string

// Classes.
const (
	Connected   Class = "ok"
	Waiting     Class = "waiting"     // nothing was tried yet
	Unreachable Class = "unreachable" // no network, no route, no answer in time
	Portal      Class = "portal"      // the network wants a login first
	Certificate Class = "certificate" // the server's is not of the pinned authority
	Client      Class = "client"      // the server does not take ours
	BadClock    Class = "clock"       // no certificate can be judged: our time is wrong
	Refused     Class = "refused"     // 4xx, or an answer that cannot be read
	Server      Class = "server"      // 5xx
	Conflict    Class = "conflict"    // the other side has another history of this kiosk
)

// Trouble is why a batch was not delivered.
type Trouble struct {
	Class Class
	Err   error
	Wait  time.Duration // that the other side asks for; 0 if it says nothing
}

func (t *Trouble) Error() string { return fmt.Sprintf("%s: %v", t.Class, t.Err) }

// Unwrap gives what it wraps.
func (t *Trouble) Unwrap() error { return t.Err }

// ErrTooLarge means that a batch, or a record, is larger than the other side takes.
var ErrTooLarge = errors.New("batch is too large")

func trouble(c Class, format string, args ...any) *Trouble {
	return &Trouble{Class: c, Err: fmt.Errorf(format, args...)}
}
