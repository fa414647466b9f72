package web

import (
	"fmt"
	"net/http"

	"kioskd/report"
	"kioskd/session"
)

// command writes a command down, and does it. What stands in its way is told.
func (s *server) command(r *http.Request, by, what, detail string, do func() (any, error)) (any, error) {
	note := session.NoteBody{By: by, What: what, Detail: detail, From: r.RemoteAddr}
	if err := s.site.Note(r.Context(), session.CommandGiven, note); err != nil {
		return nil, &problem{http.StatusConflict, "the command cannot be written down: " + err.Error()}
	}
	done, err := do()
	if err != nil {
		return nil, &problem{http.StatusConflict, err.Error()}
	}
	return done, nil
}

func (s *server) shut(shut bool) func(http.ResponseWriter, *http.Request, string) error {
	what := map[bool]string{true: "close bay", false: "open bay"}[shut]
	return func(w http.ResponseWriter, r *http.Request, by string) error {
		b, err := s.bayOf(r)
		if err != nil {
			return err
		}
		done, err := s.command(r, by, what, fmt.Sprint(b.Number), func() (any, error) {
			return s.site.ShutBay(r.Context(), b.Number, shut, by)
		})
		if err != nil {
			return err
		}
		return answer(w, done)
	}
}

func (s *server) stop(w http.ResponseWriter, r *http.Request, by string) error {
	id, err := s.named(r)
	if err != nil {
		return err
	}
	row, err := report.FromRecords(id, s.site.Records(r.Context(), id))
	if err != nil {
		return err
	}
	done, err := s.command(r, by, "stop session", row.Reference, func() (any, error) {
		return s.site.Stop(r.Context(), row.Reference, by)
	})
	if err != nil {
		return err
	}
	return answer(w, done)
}

func (s *server) drain(on bool) func(http.ResponseWriter, *http.Request, string) error {
	what := map[bool]string{true: "drain", false: "end drain"}[on]
	return func(w http.ResponseWriter, r *http.Request, by string) error {
		done, err := s.command(r, by, what, "", func() (any, error) {
			d, err := s.site.Drain(r.Context(), on)
			d.Waiting = append([]string{}, d.Waiting...)
			return d, err
		})
		if err != nil {
			return err
		}
		return answer(w, done)
	}
}
