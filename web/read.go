package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/receipt/pdf"
	"kioskd/report"
	"kioskd/report/dispute"
	reportpdf "kioskd/report/pdf"
	"kioskd/ui/text"
)

func (s *server) status(w http.ResponseWriter, _ *http.Request, _ string) error {
	return answer(w, s.present())
}

// present is the state now, with what its faults are called.
func (s *server) present() Status {
	now := s.site.Now()
	p := s.texts.Printer("en")
	for i, f := range now.Faults {
		now.Faults[i].Title = p.T(f.Code.TextKey("title"))
	}
	return now
}

// bayOf is the bay that a request names.
func (s *server) bayOf(r *http.Request) (Bay, error) {
	n, err := strconv.Atoi(r.PathValue("bay"))
	if err == nil {
		for _, b := range s.site.Now().Bays {
			if b.Number == n {
				return b, nil
			}
		}
	}
	return Bay{}, fmt.Errorf("bay %q: %w", r.PathValue("bay"), ErrNone)
}

func (s *server) bay(w http.ResponseWriter, r *http.Request, _ string) error {
	b, err := s.bayOf(r)
	if err != nil {
		return err
	}
	return answer(w, b)
}

// events streams the state.
func (s *server) events(w http.ResponseWriter, r *http.Request, by string) error {
	last := ""
	return s.stream(w, r, by, func() bool { return s.still(r) }, func() error {
		now := s.present()
		at := now.At
		now.At = time.Time{} // which alone is no change
		state, err := json.Marshal(now)
		if err != nil || string(state) == last {
			return err
		}
		last, now.At = string(state), at
		state, err = json.Marshal(now)
		if err == nil {
			fmt.Fprintf(w, "event: status\ndata: %s\n\n", state)
		}
		return err
	})
}

// window is the time, the bay and, at a back office, the kiosk that a request asks for.
func (s *server) window(r *http.Request) (w report.Window, err error) {
	q := r.URL.Query()
	w.From, w.To = q.Get("from"), q.Get("to")
	for _, d := range []string{w.From, w.To} {
		if _, err := time.Parse(time.DateOnly, d); d != "" && err != nil {
			return w, &problem{http.StatusBadRequest, fmt.Sprintf("%q is not a day: want one such as 2026-03-02", d)}
		}
	}
	if w.From != "" && w.To != "" && w.To < w.From {
		return w, &problem{http.StatusBadRequest, fmt.Sprintf("to %s is before from %s", w.To, w.From)}
	}
	if b := q.Get("bay"); b != "" {
		w.Bay, err = strconv.Atoi(b)
		if err != nil || w.Bay < 1 {
			return w, &problem{http.StatusBadRequest, fmt.Sprintf("bay %q is not a number of a bay", b)}
		}
	}
	if s.many == nil {
		return w, nil
	}
	w.Kiosk = q.Get("kiosk")
	all, err := s.many.Journals(r.Context())
	if err == nil && w.Kiosk != "" && !slices.ContainsFunc(all, func(j Journal) bool { return j.Kiosk == w.Kiosk }) {
		err = &problem{http.StatusNotFound, fmt.Sprintf("kiosk %q: there is none", w.Kiosk)}
	}
	return w, err
}

// How many sessions a page has, and how many rows a pdf.
const (
	mostOnPaper = 5000
	usualPage   = 100
	mostPage    = 500
)

func (s *server) sessions(w http.ResponseWriter, r *http.Request, _ string) error {
	span, err := s.window(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := report.Filter{Outcome: report.Outcome(q.Get("state")), Last4: q.Get("card"), Reference: q.Get("reference")}
	if err := f.Check(); err != nil {
		return err
	}
	limit := usualPage
	if l := q.Get("limit"); l != "" {
		limit, err = strconv.Atoi(l)
		if err != nil || limit < 1 || limit > mostPage {
			return &problem{http.StatusBadRequest, fmt.Sprintf("limit %q: want 1 to %d", l, mostPage)}
		}
	}
	var page []report.Session
	var next *string
	err = s.site.Book(r.Context(), func(book *report.Book) (err error) {
		page, next, err = book.Page(r.Context(), span, f, q.Get("after"), limit)
		return err
	})
	if err != nil {
		return err
	}
	return answer(w, struct {
		Sessions []report.Session `json:"sessions"`
		Next     *string          `json:"next"`
	}{page, next})
}

// named finds the session that a request names.
func (s *server) named(r *http.Request) (string, error) {
	given := r.PathValue("reference")
	if ref, err := kiosk.ParseReference(given); err == nil {
		given = ref
	}
	return s.site.Find(r.Context(), given)
}

// row is a session by what Find found: a back office puts an at sign and the kiosk behind the id.
func (s *server) row(ctx context.Context, id string) (report.Session, error) {
	session, _, _ := strings.Cut(id, "@")
	return report.FromRecords(session, s.site.Records(ctx, id))
}

func (s *server) session(w http.ResponseWriter, r *http.Request, _ string) error {
	id, err := s.named(r)
	if err != nil {
		return err
	}
	row, err := s.row(r.Context(), id)
	if err != nil {
		return err
	}
	return answer(w, row)
}

// timeline is what happened, in words.
func (s *server) timeline(w http.ResponseWriter, r *http.Request, _ string) error {
	id, err := s.named(r)
	if err != nil {
		return err
	}
	row, err := s.row(r.Context(), id)
	if err != nil {
		return err
	}
	var records []kiosk.Record
	for record, err := range s.site.Records(r.Context(), id) {
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	return answer(w, dispute.Steps(records, row.Zone()))
}

func (s *server) tariffs(w http.ResponseWriter, _ *http.Request, _ string) error {
	return answer(w, s.one.Tariffs())
}

func (s *server) checkpoint(w http.ResponseWriter, r *http.Request, _ string) error {
	point, err := s.one.Checkpoint(r.Context())
	if err != nil {
		return err
	}
	return send(w, "text/plain; charset=utf-8", []byte(point))
}

// printer is that of the language that a request asks for.
func (s *server) printer(r *http.Request, usual string) (*text.Printer, error) {
	lang := r.URL.Query().Get("language")
	if lang == "" {
		lang = usual
	}
	p, err := s.texts.In(lang)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, err.Error()}
	}
	return p, nil
}

func (s *server) receipt(w http.ResponseWriter, r *http.Request, _ string) error {
	id, err := s.named(r)
	if err != nil {
		return err
	}
	got, err := s.site.Receipt(r.Context(), id)
	if err != nil {
		return err
	}
	p, err := s.printer(r, got.Language)
	if err != nil {
		return err
	}
	switch format := r.URL.Query().Get("format"); format {
	case "", "json":
		return answer(w, got)
	case "text":
		return send(w, "text/plain; charset=utf-8", []byte(got.Text(p)))
	case "pdf":
		var out bytes.Buffer
		if err := pdf.Write(&out, got, p, nil); err != nil {
			return err
		}
		return send(w, "application/pdf", out.Bytes())
	default:
		return &problem{http.StatusBadRequest, fmt.Sprintf("format %q: want json, text or pdf", format)}
	}
}

// send answers with a file.
func send(w http.ResponseWriter, kind string, content []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Write(content) // an error here is the connection's
	return nil
}

func (s *server) dispute(w http.ResponseWriter, r *http.Request, _ string) error {
	id, err := s.named(r)
	if err != nil {
		return err
	}
	c, err := s.site.Case(r.Context(), id)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := dispute.Write(&out, c, s.texts, nil); err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", c.Session.Reference+".zip"))
	return send(w, "application/zip", out.Bytes())
}

// table makes a report.
func (s *server) table(r *http.Request, book *report.Book, w report.Window) (report.Table, error) {
	by := r.URL.Query().Get("by")
	if by == "" {
		by = report.ByDay
	}
	switch name := r.PathValue("report"); name {
	case "sessions":
		return book.SessionTable(r.Context(), w, report.Filter{})
	case "revenue":
		return book.Revenue(r.Context(), w, by)
	case "energy":
		return book.Energy(r.Context(), w, by)
	case "faults":
		return book.FaultTable(r.Context(), w)
	case "security":
		return book.SecurityTable(r.Context(), w)
	case "devices":
		return book.DeviceTable(r.Context(), w)
	case "kpi":
		return book.FigureTable(r.Context(), w, s.now())
	case "reconcile":
		return book.DayEndTable(r.Context(), w)
	default:
		return report.Table{}, fmt.Errorf("report %q: %w", name, ErrNone)
	}
}

func (s *server) report(w http.ResponseWriter, r *http.Request, _ string) error {
	span, err := s.window(r)
	if err != nil {
		return err
	}
	p, err := s.printer(r, "en")
	if err != nil {
		return err
	}
	var t report.Table
	var place report.Place
	err = s.site.Book(r.Context(), func(book *report.Book) (err error) {
		t, err = s.table(r, book, span)
		if err == nil {
			place, err = book.Place(r.Context())
		}
		return err
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	switch format := r.URL.Query().Get("format"); format {
	case "", "json":
		rows := make([]json.RawMessage, 0, len(t.Rows))
		for _, row := range t.Rows {
			object, err := t.Object(row)
			if err != nil {
				return err
			}
			rows = append(rows, object)
		}
		return answer(w, rows)
	case "csv":
		if err := t.CSV(&out, report.CSVStyle{}); err != nil {
			return err
		}
		return send(w, "text/csv; charset=utf-8", out.Bytes())
	case "pdf":
		if len(t.Rows) > mostOnPaper {
			return &problem{http.StatusBadRequest, fmt.Sprintf("%d rows are too many for a pdf: ask for fewer days, "+
				"or csv", len(t.Rows))}
		}
		of := reportpdf.Of{Seller: place.Seller, Made: s.now().In(place.Zone())}
		if err := reportpdf.Write(&out, t, p, of, nil); err != nil {
			return err
		}
		return send(w, "application/pdf", out.Bytes())
	default:
		return &problem{http.StatusBadRequest, fmt.Sprintf("format %q: want json, csv or pdf", format)}
	}
}
