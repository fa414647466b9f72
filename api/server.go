package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/socket"
)

// Serve answers on a socket until ctx ends, or the socket fails.
func Serve(ctx context.Context, l net.Listener, s Site) error {
	return socket.Serve(ctx, l, handler(s))
}

// request is what comes, and routes takes what is done for one.
type (
	request = *http.Request
	routes  func(pattern string, f func(context.Context, request) (any, error))
)

// handler has one function for each request.
func handler(s Site) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(context.Context, request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r.Context(), r)
			if err != nil {
				http.Error(w, strings.ReplaceAll(err.Error(), "\n", "; "), http.StatusConflict)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v) // the caller may have gone
		})
	}
	askDevices(handle, s)
	operate(handle, s)
	grant(handle, s)
	return mux
}

// askDevices are the requests for the devices.
func askDevices(handle routes, s Site) {
	handle("GET /terminal/status", func(ctx context.Context, _ request) (any, error) { return s.Status(ctx) })
	handle("GET /terminal/pending", func(ctx context.Context, _ request) (any, error) {
		p, err := s.Pending(ctx)
		p.Receipts = list(p.Receipts)
		return p, err
	})
	handle("POST /terminal/release/{receipt}", func(ctx context.Context, r request) (any, error) {
		return s.Release(ctx, kiosk.HoldID(r.PathValue("receipt")))
	})
	handle("POST /terminal/end-of-day", func(ctx context.Context, r request) (any, error) {
		return s.EndOfDay(ctx, r.FormValue("force") != "")
	})
	handle("GET /meters/scan", func(ctx context.Context, r request) (any, error) {
		first, err1 := number("from", r.FormValue("from"))
		last, err2 := number("to", r.FormValue("to"))
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		found, err := s.Scan(ctx, first, last)
		return list(found), err
	})
	handle("GET /doctor", func(ctx context.Context, _ request) (any, error) {
		found, err := s.Examine(ctx)
		return list(found), err
	})
}

// operate are the requests of an operator.
func operate(handle routes, s Site) {
	handle("GET /drain", func(ctx context.Context, _ request) (any, error) { return drained(s.Underway(ctx)) })
	handle("POST /drain", func(ctx context.Context, r request) (any, error) {
		return drained(s.Drain(ctx, r.FormValue("off") == ""))
	})
	handle("GET /backoffice", func(ctx context.Context, _ request) (any, error) {
		o, err := s.Office(ctx)
		o.Parked = list(o.Parked)
		return o, err
	})
	handle("POST /backoffice/again", func(ctx context.Context, _ request) (any, error) { return s.SendAgain(ctx) })
	handle("POST /csms/again", func(ctx context.Context, _ request) (any, error) { return s.TellAgain(ctx) })
	handle("POST /backoffice/now", func(ctx context.Context, _ request) (any, error) { return s.SendNow(ctx) })
	handle("POST /session/{reference}/refund", func(ctx context.Context, r request) (any, error) {
		return s.Refund(ctx, r.PathValue("reference"), r.FormValue("amount"), r.FormValue("by"), r.FormValue("why"))
	})
	handle("POST /session/{reference}/stop", func(ctx context.Context, r request) (any, error) {
		return s.Stop(ctx, r.PathValue("reference"), r.FormValue("by"))
	})
	handle("POST /fault/{code}/clear", func(ctx context.Context, r request) (any, error) {
		bay, err := number("bay", r.FormValue("bay"))
		if err != nil {
			return nil, err
		}
		return s.ClearFault(ctx, kiosk.FaultCode(r.PathValue("code")), bay, "command")
	})
}

// grant are the requests about who may ask over the network.
func grant(handle routes, s Site) {
	handle("GET /tokens", func(ctx context.Context, _ request) (any, error) {
		all, err := s.Tokens(ctx)
		return list(all), err
	})
	handle("POST /tokens/{name}", func(ctx context.Context, r request) (any, error) {
		wish := Token{Name: r.PathValue("name"), Scopes: strings.Fields(r.FormValue("scopes"))}
		if until := r.FormValue("until"); until != "" {
			at, err := time.Parse(time.RFC3339, until)
			if err != nil {
				return nil, fmt.Errorf("until %q is not a time", until)
			}
			wish.Until = &at
		}
		return s.MakeToken(ctx, wish, r.FormValue("by"))
	})
	handle("DELETE /tokens/{name}", func(ctx context.Context, r request) (any, error) {
		return s.EndToken(ctx, r.PathValue("name"), r.FormValue("by"))
	})
	handle("POST /inspections/{device}", func(ctx context.Context, r request) (any, error) {
		return s.Inspect(ctx, r.PathValue("device"), r.FormValue("serial"), r.FormValue("found"), r.FormValue("by"))
	})
	handle("POST /bays/{bay}/shut", func(ctx context.Context, r request) (any, error) {
		bay, err := number("bay", r.PathValue("bay"))
		if err != nil {
			return nil, err
		}
		return s.ShutBay(ctx, bay, r.FormValue("off") == "", r.FormValue("by"))
	})
}

// list is a list also where there is nothing on it.
func list[T any](items []T) []T { return append([]T{}, items...) }

func drained(d Drained, err error) (Drained, error) {
	d.Waiting = list(d.Waiting)
	return d, err
}

func number(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a number", name, text)
	}
	return n, nil
}
