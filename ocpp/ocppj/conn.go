package ocppj

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/oklog/ulid/v2"
)

// Handler answers a call of the peer. What it returns is the payload of the result; an *Error is answered as it is,
// every other error as an InternalError.
type Handler func(ctx context.Context, action string, payload json.RawMessage) (any, error)

// Options of a connection. Handle and Log are required.
type Options struct {
	Handle  Handler
	Log     *slog.Logger
	Trace   bool                // logs every frame as it is
	Ping    time.Duration       // between pings; 0 for the usual
	Timeout time.Duration       // of an answer to a call and to a ping; 0 for the usual
	V2      bool                // the errors are those of OCPP 2.x
	Mask    func(string) string // of what is logged; nil for none
}

const (
	usualPing    = 25 * time.Second
	usualTimeout = 30 * time.Second
	mostBytes    = 1 << 20 // of a frame: signed meter values are long
	mostQueued   = 32      // calls of a peer that does not wait for its answers
)

// ErrClosed means that the connection ended before an answer came: the call may have been carried out.
var ErrClosed = errors.New("the connection was closed")

// Conn is a connection, of a charger or to a central system. Its methods may be called from many goroutines.
type Conn struct {
	o     Options
	ws    *websocket.Conn
	turn  chan struct{} // has one while a call of ours is out
	calls chan Frame
	ended chan struct{}

	mu      sync.Mutex
	waiting map[string]chan Frame
}

// New makes a connection; nothing is read before Run.
func New(ws *websocket.Conn, o Options) *Conn {
	if o.Mask == nil {
		o.Mask = func(s string) string { return s }
	}
	if o.Ping == 0 {
		o.Ping = usualPing
	}
	if o.Timeout == 0 {
		o.Timeout = usualTimeout
	}
	ws.SetReadLimit(mostBytes)
	return &Conn{o: o, ws: ws, turn: make(chan struct{}, 1), calls: make(chan Frame, mostQueued),
		ended: make(chan struct{}), waiting: map[string]chan Frame{}}
}

// Run reads until the connection ends, or ctx does, and says why it ended.
func (c *Conn) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer c.ws.CloseNow()
	defer close(c.ended)
	defer cancel(nil)
	all.Go(func() { c.answer(ctx) })
	all.Go(func() { c.ping(ctx, cancel) })
	for {
		kind, data, err := c.ws.Read(ctx)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		if kind != websocket.MessageText {
			c.o.Log.Warn("frame was dropped: it is not text")
			continue
		}
		if c.o.Trace {
			c.o.Log.Info("ocpp received", "frame", c.o.Mask(traced(data)))
		}
		if err := c.take(ctx, data); err != nil {
			return err
		}
	}
}

// Close ends the connection in order.
func (c *Conn) Close(why string) error { return c.ws.Close(websocket.StatusNormalClosure, why) }

// Ended is closed when the connection has ended.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// take sorts a frame.
func (c *Conn) take(ctx context.Context, data []byte) error {
	f, err := Parse(data)
	var bad *BadFrame
	if errors.As(err, &bad) {
		c.o.Log.Warn("frame was dropped", "error", err)
		return c.refuse(ctx, bad)
	}
	switch f.Type {
	case TypeCall, TypeSend:
		select {
		case c.calls <- f:
			return nil
		default:
			return fmt.Errorf("the peer sent %d calls and waits for no answer", mostQueued)
		}
	case TypeCallResult, TypeCallError:
		c.mu.Lock()
		reply, ok := c.waiting[f.ID]
		delete(c.waiting, f.ID)
		c.mu.Unlock()
		if !ok {
			c.o.Log.Warn("answer was dropped: no call waits for it", "id", f.ID)
			return nil
		}
		reply <- f
	}
	return nil
}

// refuse answers what is no frame, where the version has an answer for it.
func (c *Conn) refuse(ctx context.Context, bad *BadFrame) error {
	f := Frame{Type: TypeCallError, ID: bad.ID, Err: Errorf(FormationViolation, "frame %s", bad.Why)}
	switch {
	case bad.Type == TypeCall && bad.ID != "" && c.o.V2:
		f.Err.Code = FormatViolation
	case bad.Type == TypeCall && bad.ID != "":
	case c.o.V2 && bad.ID != "" && bad.Type > TypeSend:
		f.Err.Code = MessageTypeUnknown
	case c.o.V2 && bad.ID == "":
		f.ID, f.Err.Code = "-1", RPCFrameworkError
	default:
		return nil
	}
	return c.send(ctx, f)
}

// answer answers the peer's calls, one after the other.
func (c *Conn) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-c.calls:
			out := c.carryOut(ctx, f)
			if f.Type == TypeSend {
				continue
			}
			if err := c.send(ctx, out); err != nil && ctx.Err() == nil {
				c.o.Log.Warn("answer was not sent", "action", f.Action, "error", err)
			}
		}
	}
}

// carryOut lets the handler answer a call.
func (c *Conn) carryOut(ctx context.Context, f Frame) Frame {
	out := Frame{Type: TypeCallResult, ID: f.ID}
	result, err := c.o.Handle(ctx, f.Action, f.Payload)
	if err == nil {
		out.Payload, err = json.Marshal(result)
	}
	if err == nil {
		return out
	}
	c.o.Log.Warn("call was refused", "action", f.Action, "error", err)
	var own *Error
	if !errors.As(err, &own) {
		own = Errorf(InternalError, "%v", err)
	}
	if c.o.V2 && own.Code == FormationViolation {
		own = &Error{Code: FormatViolation, Description: own.Description}
	}
	return Frame{Type: TypeCallError, ID: f.ID, Err: own}
}

// ping finds a connection that is dead on the other side.
func (c *Conn) ping(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(c.o.Ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		limited, stop := context.WithTimeout(ctx, c.o.Timeout)
		err := c.ws.Ping(limited)
		stop()
		if err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("no answer to a ping within %v", c.o.Timeout))
			return
		}
	}
}

// Call asks the peer, and decodes its result into response. It waits for calls of other goroutines. The error is an
// *Error where the peer refused it, ErrClosed where the connection ended meanwhile, and ctx's where that ended.
func (c *Conn) Call(ctx context.Context, action string, request, response any) error {
	payload, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("cannot send %s: %w", action, err)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, stop := context.WithTimeout(ctx, c.o.Timeout)
	defer stop()
	f := Frame{Type: TypeCall, ID: ulid.Make().String(), Action: action, Payload: payload}
	reply := make(chan Frame, 1)
	c.mu.Lock()
	c.waiting[f.ID] = reply
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, f.ID)
		c.mu.Unlock()
	}()
	if err := c.send(ctx, f); err != nil {
		return fmt.Errorf("cannot send %s: %w", action, errors.Join(ErrClosed, err))
	}
	select {
	case got := <-reply:
		if got.Err != nil {
			return fmt.Errorf("%s was refused: %w", action, got.Err)
		}
		if err := json.Unmarshal(got.Payload, response); err != nil {
			return fmt.Errorf("cannot read the answer to %s: %w", action, err)
		}
		return nil
	case <-c.ended:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("no answer to %s: %w", action, ctx.Err())
	}
}

// traced is a frame as the log has it: the password that a charger is given does not belong there.
func traced(data []byte) string {
	if bytes.Contains(data, []byte("AuthorizationKey")) || bytes.Contains(data, []byte("BasicAuthPassword")) {
		return "(it has a password)"
	}
	return string(data)
}

func (c *Conn) send(ctx context.Context, f Frame) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	if c.o.Trace {
		c.o.Log.Info("ocpp sent", "frame", c.o.Mask(traced(data)))
	}
	return c.ws.Write(ctx, websocket.MessageText, data)
}
