package ui

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Driver plays a person at the screen through its socket.
type Driver struct {
	client *Client
	Views  chan View
	Now    View
	Closed func(View) // is told what a screen says that sells nothing; may be nil
}

// Await waits for a screen.
func (d *Driver) Await(ctx context.Context, ready func(View) bool, what string) error {
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !ready(d.Now) {
		select {
		case v, ok := <-d.Views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.Now = v
		case <-limit.C:
			return fmt.Errorf("waited two minutes for %s, the screen shows %s %s", what, d.Now.Screen, d.Now.Message)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *Driver) Screen(ctx context.Context, s Screen) error {
	return d.Await(ctx, func(v View) bool { return v.Screen == s }, "screen "+string(s))
}

// Home leaves whatever the screen shows of the visitor before.
func (d *Driver) Home(ctx context.Context) error {
	for d.Now.Screen != Attract {
		d.Touch(ctx, Back, "") // refused where there is nothing to go back from
		select {
		case v, ok := <-d.Views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.Now = v
			if v.Closed() && d.Closed != nil {
				d.Closed(v)
			}
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *Driver) Touch(ctx context.Context, k InputKind, value string) error {
	return d.client.Send(ctx, Input{Seq: d.Now.Seq, Kind: k, Value: value})
}

// NewDriver connects to a daemon's screen socket.
func NewDriver(ctx context.Context, socket string) *Driver {
	d := &Driver{client: Dial(socket), Views: make(chan View, 64)}
	go func() {
		defer close(d.Views)
		for ctx.Err() == nil { // a daemon that is started again is found again
			d.client.Views(ctx, func(v View) {
				select {
				case d.Views <- v:
				case <-ctx.Done():
				}
			})
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return d
}
