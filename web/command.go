package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"

	"kioskd"
	"kioskd/api"
	"kioskd/hook"
	"kioskd/session"
)

// Commands that a token or person may give: a burst, and one a second after it. Each is a record in the journal, which
// no program may fill.
const (
	commandBurst = 60
	commandsASec = 1
)

// mayCommand tells whether a token or person may give one more command now.
func (s *server) mayCommand(by string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.pace[by]
	if !ok { // the names are those of the site's tokens and persons
		l = rate.NewLimiter(commandsASec, commandBurst)
		s.pace[by] = l
	}
	return l.AllowN(s.now(), 1)
}

// carry writes a command down, and does it. What stands in its way is a problem that may be told.
func carry[T any](s *server, r *http.Request, note session.NoteBody, do func() (T, error)) (done T, err error) {
	if !s.mayCommand(note.By) {
		return done, &problem{http.StatusTooManyRequests, "too many commands: at most one a second"}
	}
	note.From = r.RemoteAddr
	if err := s.site.Note(r.Context(), session.CommandGiven, note); err != nil {
		return done, &problem{http.StatusConflict, "the command cannot be written down: " + err.Error()}
	}
	done, err = do()
	if err != nil && !errors.Is(err, ErrNone) {
		err = &problem{http.StatusConflict, err.Error()}
	}
	return done, err
}

// command carries a command out for a program.
func command[T any](s *server, w http.ResponseWriter, r *http.Request, note session.NoteBody,
	do func() (T, error)) error {
	done, err := carry(s, r, note, do)
	if err != nil {
		return err
	}
	return answer(w, done)
}

// key is a request's Idempotency-Key, of one token alone; empty where it has none.
func key(r *http.Request, by string) (string, error) {
	k := strings.Trim(r.Header.Get("Idempotency-Key"), `"`)
	if k == "" {
		return "", nil
	}
	if len(k) > 100 || strings.ContainsFunc(k, func(c rune) bool { return c < '!' || c > '~' }) {
		return "", &problem{http.StatusBadRequest, "Idempotency-Key: want 1 to 100 visible characters of ASCII"}
	}
	return by + " " + k, nil
}

// body reads the JSON of a request. What is not known in it is an error: a misspelt wish is not half carried out.
func body(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the object")
		}
	}
	if err != nil {
		return &problem{http.StatusBadRequest, fmt.Sprintf("cannot read the request's JSON near byte %d: %v",
			d.InputOffset(), err)}
	}
	return nil
}

func (s *server) shut(shut bool) func(http.ResponseWriter, *http.Request, string) error {
	what := map[bool]string{true: "close bay", false: "open bay"}[shut]
	return func(w http.ResponseWriter, r *http.Request, by string) error {
		b, err := s.bayOf(r)
		if err != nil {
			return err
		}
		note := session.NoteBody{By: by, What: what, Detail: fmt.Sprint(b.Number)}
		return command(s, w, r, note, func() (api.Done, error) {
			return s.one.ShutBay(r.Context(), b.Number, shut, by)
		})
	}
}

func (s *server) grant(w http.ResponseWriter, r *http.Request, by string) error {
	b, err := s.bayOf(r)
	if err != nil {
		return err
	}
	note := session.NoteBody{By: by, What: "free charge", Detail: fmt.Sprint(b.Number)}
	return command(s, w, r, note, func() (Granted, error) { return s.one.Grant(r.Context(), b.Number, by) })
}

// referenceOf is the reference of the session that a request names.
func (s *server) referenceOf(r *http.Request) (string, error) {
	id, err := s.named(r)
	if err != nil {
		return "", err
	}
	row, err := s.row(r.Context(), id)
	return row.Reference, err
}

func (s *server) stop(w http.ResponseWriter, r *http.Request, by string) error {
	reference, err := s.referenceOf(r)
	if err != nil {
		return err
	}
	note := session.NoteBody{By: by, What: "stop session", Detail: reference}
	return command(s, w, r, note, func() (api.Done, error) { return s.one.Stop(r.Context(), reference, by) })
}

func (s *server) refund(w http.ResponseWriter, r *http.Request, by string) error {
	var wish struct {
		Amount string `json:"amount"`
		Why    string `json:"why"`
	}
	if err := body(r, &wish); err != nil {
		return err
	}
	once, err := key(r, by)
	if err != nil {
		return err
	}
	if once == "" {
		return &problem{http.StatusBadRequest, "Idempotency-Key: a refund needs one, so that it is not told twice"}
	}
	reference, err := s.referenceOf(r)
	if err != nil {
		return err
	}
	note := session.NoteBody{By: by, What: "refund", Detail: reference + " " + wish.Amount}
	return command(s, w, r, note, func() (api.Refunded, error) {
		return s.one.RefundOnce(r.Context(), reference, wish.Amount, by, wish.Why, once)
	})
}

func (s *server) drain(on bool) func(http.ResponseWriter, *http.Request, string) error {
	what := map[bool]string{true: "drain", false: "end drain"}[on]
	return func(w http.ResponseWriter, r *http.Request, by string) error {
		return command(s, w, r, session.NoteBody{By: by, What: what}, func() (api.Drained, error) {
			d, err := s.one.Drain(r.Context(), on)
			d.Waiting = append([]string{}, d.Waiting...)
			return d, err
		})
	}
}

// instruct carries an instruction out for a program.
func (s *server) instruct(w http.ResponseWriter, r *http.Request, by, what string, in kiosk.Instruction) error {
	once, err := key(r, by)
	if err != nil {
		return err
	}
	in.ID = ulid.Make().String()
	if once != "" {
		in.ID = Hash(once)
	}
	done, err := s.order(r, by, what, in)
	if err != nil {
		return err
	}
	return answer(w, done)
}

// order carries an instruction out. It has a minute from now on, also where the one who gave it is gone.
func (s *server) order(r *http.Request, by, what string, in kiosk.Instruction) (api.Done, error) {
	const patience = time.Minute
	in.Issued = s.now().UTC().Truncate(time.Second)
	in.Expires = in.Issued.Add(patience)
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer stop()
	return carry(s, r, session.NoteBody{By: by, What: what}, func() (api.Done, error) {
		return api.Done{Done: true}, s.one.Instruct(ctx, in, by)
	})
}

func (s *server) announce(w http.ResponseWriter, r *http.Request, by string) error {
	var wish struct {
		Texts map[string]string `json:"texts"`
		Until *time.Time        `json:"until"`
	}
	if err := body(r, &wish); err != nil {
		return err
	}
	if len(wish.Texts) == 0 {
		return &problem{http.StatusBadRequest, "texts: want a text in one language or more"}
	}
	return s.instruct(w, r, by, "message", kiosk.Instruction{Do: kiosk.TaskMessage, Texts: wish.Texts,
		Until: wish.Until})
}

func (s *server) announceNothing(w http.ResponseWriter, r *http.Request, by string) error {
	return s.instruct(w, r, by, "end message", kiosk.Instruction{Do: kiosk.TaskMessage})
}

func (s *server) price(w http.ResponseWriter, r *http.Request, by string) error {
	var wish struct {
		Tariff json.RawMessage `json:"tariff"`
		From   *time.Time      `json:"from"`
		Accept string          `json:"accept"`
	}
	if err := body(r, &wish); err != nil {
		return err
	}
	in := kiosk.Instruction{Do: kiosk.TaskTariff, Tariff: wish.Tariff, From: wish.From, Accept: wish.Accept}
	if err := in.Check(); err != nil {
		return &problem{http.StatusBadRequest, err.Error()}
	}
	return s.instruct(w, r, by, "tariff", in)
}

func (s *server) tokens(w http.ResponseWriter, r *http.Request, _ string) error {
	all, err := s.one.Tokens(r.Context())
	if err != nil {
		return err
	}
	return answer(w, append([]api.Token{}, all...))
}

func (s *server) makeToken(w http.ResponseWriter, r *http.Request, by string) error {
	var wish struct {
		Name   string     `json:"name"`
		Scopes []string   `json:"scopes"`
		Until  *time.Time `json:"until"`
	}
	if err := body(r, &wish); err != nil {
		return err
	}
	note := session.NoteBody{By: by, What: "make token", Detail: wish.Name}
	return command(s, w, r, note, func() (api.NewToken, error) {
		return s.one.MakeToken(r.Context(), api.Token{Name: wish.Name, Scopes: wish.Scopes, Until: wish.Until}, by)
	})
}

func (s *server) endToken(w http.ResponseWriter, r *http.Request, by string) error {
	name := r.PathValue("name")
	all, err := s.one.Tokens(r.Context())
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Name == name {
			note := session.NoteBody{By: by, What: "end token", Detail: name}
			return command(s, w, r, note, func() (api.Done, error) { return s.one.EndToken(r.Context(), name, by) })
		}
	}
	return fmt.Errorf("token %q: %w", name, ErrNone)
}

func (s *server) certificates(w http.ResponseWriter, _ *http.Request, _ string) error {
	return answer(w, append([]Certificate{}, s.one.Certificates()...))
}

func (s *server) hooks(w http.ResponseWriter, _ *http.Request, _ string) error {
	return answer(w, append([]hook.State{}, s.site.Hooks()...))
}

// hookOf is the name of the web hook that a request names.
func (s *server) hookOf(r *http.Request) (string, error) {
	name := r.PathValue("hook")
	if !slices.ContainsFunc(s.site.Hooks(), func(h hook.State) bool { return h.Name == name }) {
		return "", fmt.Errorf("web hook %q: %w", name, ErrNone)
	}
	return name, nil
}

func (s *server) hookCommand(what string, do func(context.Context, string) error) func(http.ResponseWriter,
	*http.Request, string) error {
	return func(w http.ResponseWriter, r *http.Request, by string) error {
		name, err := s.hookOf(r)
		if err != nil {
			return err
		}
		return command(s, w, r, session.NoteBody{By: by, What: what, Detail: name}, func() (api.Done, error) {
			return api.Done{Done: true}, do(r.Context(), name)
		})
	}
}
