package receiver

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"kioskd/backoffice"
)

// maxBody is of a compressed batch.
const maxBody = backoffice.MaxRecord + 64<<10

// Handler serves the protocol. A kiosk is known by the common name of its client certificate,
// which the server's TLS configuration must have verified.
func (r *Receiver) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/kiosks/{kiosk}/journal", func(w http.ResponseWriter, req *http.Request) {
		a, p := r.serve(w, req)
		if p != nil {
			log.Warn("batch", "kiosk", req.PathValue("kiosk"), "status", p.Status, "detail", p.Detail)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(p.Status)
			json.NewEncoder(w).Encode(p) // an error here is the connection's
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(a)
	})
	return mux
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) (backoffice.Answer, *backoffice.Problem) {
	id := req.PathValue("kiosk")
	fail := func(status int, kind, title string, err error) (backoffice.Answer, *backoffice.Problem) {
		return backoffice.Answer{}, &backoffice.Problem{Type: kind, Title: title, Status: status, Detail: err.Error()}
	}
	if req.TLS == nil || len(req.TLS.PeerCertificates) == 0 || req.TLS.PeerCertificates[0].Subject.CommonName != id {
		return fail(http.StatusForbidden, backoffice.ProblemForbidden, "not your journal",
			errors.New("the client certificate is not of kiosk "+id))
	}
	if req.Header.Get("Content-Encoding") != "zstd" {
		return fail(http.StatusUnsupportedMediaType, backoffice.ProblemMalformed, "cannot read batch",
			errors.New("want Content-Encoding: zstd"))
	}
	b, err := backoffice.Decode(http.MaxBytesReader(w, req.Body, maxBody))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big), errors.Is(err, backoffice.ErrTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "about:blank", "batch is too large", err)
	case err != nil:
		return fail(http.StatusBadRequest, backoffice.ProblemMalformed, "cannot read batch", err)
	case b.Kiosk != id:
		return fail(http.StatusForbidden, backoffice.ProblemForbidden, "not your journal",
			errors.New("the batch is of kiosk "+b.Kiosk))
	}
	a, err := r.Take(req.Context(), b)
	switch {
	case errors.Is(err, ErrConflict):
		return fail(http.StatusConflict, backoffice.ProblemConflict, "another history", err)
	case errors.As(err, new(*wrongBatch)):
		return fail(http.StatusBadRequest, backoffice.ProblemMalformed, "cannot take batch", err)
	case err != nil:
		return fail(http.StatusInternalServerError, "about:blank", "cannot keep the batch", err)
	}
	return a, nil
}
