package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"kioskd"
	"kioskd/socket"
)

// Serve answers on a socket until ctx ends, or the socket fails.
func Serve(ctx context.Context, l net.Listener, s Site) error {
	return socket.Serve(ctx, l, handler(s))
}

// handler has one function for each request.
func handler(s Site) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(context.Context, *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r.Context(), r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v) // the caller may have gone
		})
	}
	type request = *http.Request
	handle("GET /terminal/status", func(ctx context.Context, _ request) (any, error) { return s.Status(ctx) })
	handle("GET /terminal/pending", func(ctx context.Context, _ request) (any, error) { return s.Pending(ctx) })
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
		return s.Scan(ctx, first, last)
	})
	handle("GET /doctor", func(ctx context.Context, _ request) (any, error) { return s.Examine(ctx) })
	handle("GET /drain", func(ctx context.Context, _ request) (any, error) { return s.Underway(ctx) })
	handle("POST /drain", func(ctx context.Context, r request) (any, error) {
		return s.Drain(ctx, r.FormValue("off") == "")
	})
	handle("GET /backoffice", func(ctx context.Context, _ request) (any, error) { return s.Office(ctx) })
	handle("POST /backoffice/again", func(ctx context.Context, _ request) (any, error) { return s.SendAgain(ctx) })
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
	return mux
}

func number(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a number", name, text)
	}
	return n, nil
}
