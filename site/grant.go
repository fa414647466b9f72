package site

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
	"kioskd/web"
)

// granter makes and ends tokens, and closes bays by a person's word.
type granter struct {
	c       *config.Config
	journal *store.Store
	control *session.Controller
	now     func() time.Time
}

// goodName is what a token may be called: it stands in the journal as who gave a command.
var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$`)

// MakeToken implements api.Site. The journal has that it was made before it is good for anything.
func (g granter) MakeToken(ctx context.Context, wish api.Token, by string) (api.NewToken, error) {
	switch {
	case by == "":
		return api.NewToken{}, errors.New("cannot make a token: say who makes it")
	case !goodName.MatchString(wish.Name):
		return api.NewToken{}, fmt.Errorf("token %q: want a name of 1 to 40 letters, digits, blanks, dots or hyphens",
			wish.Name)
	case len(wish.Scopes) == 0:
		return api.NewToken{}, fmt.Errorf("token %q: want one or more of %s", wish.Name,
			strings.Join(kiosk.Scopes(), " "))
	case wish.Until != nil && !g.now().Before(*wish.Until):
		return api.NewToken{}, fmt.Errorf("token %q: its end %s is over", wish.Name, wish.Until.Format(time.RFC3339))
	}
	for _, s := range wish.Scopes {
		if !slices.Contains(kiosk.Scopes(), s) {
			return api.NewToken{}, fmt.Errorf("token %q: scope %q: want some of %s", wish.Name, s,
				strings.Join(kiosk.Scopes(), " "))
		}
	}
	all, err := g.journal.Tokens(ctx)
	if err != nil {
		return api.NewToken{}, err
	}
	if slices.ContainsFunc(all, func(t store.Token) bool { return t.Name == wish.Name }) {
		return api.NewToken{}, fmt.Errorf("token %q: %w: end it first", wish.Name, store.ErrTokenThere)
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	token := web.TokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	if err := g.note(ctx, by, "token made", wish.Name+": "+strings.Join(wish.Scopes, " ")); err != nil {
		return api.NewToken{}, err
	}
	return api.NewToken{Name: wish.Name, Token: token}, g.journal.AddToken(ctx, store.Token{Name: wish.Name,
		Hash: web.Hash(token), Scopes: wish.Scopes, Made: g.now(), Until: wish.Until})
}

func (g granter) note(ctx context.Context, by, what, detail string) error {
	return g.control.Note(ctx, session.AccessChanged, session.NoteBody{By: by, What: what, Detail: detail})
}

// EndToken implements api.Site.
func (g granter) EndToken(ctx context.Context, name, by string) (api.Done, error) {
	if by == "" {
		return api.Done{}, errors.New("cannot end a token: say who ends it")
	}
	all, err := g.journal.Tokens(ctx)
	if err != nil {
		return api.Done{}, err
	}
	if !slices.ContainsFunc(all, func(t store.Token) bool { return t.Name == name }) {
		return api.Done{}, fmt.Errorf("%q: %w", name, store.ErrNoToken)
	}
	if err := g.note(ctx, by, "token ended", name); err != nil {
		return api.Done{}, err
	}
	return api.Done{Done: true}, g.journal.RemoveToken(ctx, name)
}

// Tokens implements api.Site.
func (g granter) Tokens(ctx context.Context) (out []api.Token, err error) {
	all, err := g.journal.Tokens(ctx)
	for _, t := range all {
		out = append(out, shownToken(t))
	}
	return out, err
}

func shownToken(t store.Token) api.Token {
	return api.Token{Name: t.Name, Scopes: t.Scopes, Made: t.Made, Until: t.Until, Used: t.Used}
}

// Inspect implements api.Site.
func (g granter) Inspect(ctx context.Context, device, serial, found, by string) (api.Done, error) {
	switch {
	case by == "":
		return api.Done{}, errors.New("cannot write an inspection down: say who looked")
	case device != "terminal" && !slices.ContainsFunc(g.c.Bays, func(b config.Bay) bool {
		return device == fmt.Sprintf("bay %d", b.Number)
	}):
		return api.Done{}, fmt.Errorf("cannot inspect %q: want terminal, or bay and its number", device)
	case serial == "" || strings.ContainsAny(serial, ":\n"):
		return api.Done{}, errors.New("cannot write an inspection down: want the serial number, as the device shows it")
	}
	detail := serial
	if found != "" {
		detail += ": " + found
	}
	err := g.control.Note(ctx, session.Inspected, session.NoteBody{By: by, What: device, Detail: detail})
	if known := g.serialOf(device); err == nil && known != "" && known != serial {
		err = fmt.Errorf(
			"it is written down, but kioskd knows another device there, %s: look whether it was exchanged", known)
	}
	return api.Done{Done: true}, err
}

// serialOf is the serial number of a device as it says it now; empty where it is not known.
func (g granter) serialOf(device string) string {
	for _, b := range g.c.Bays {
		if reading := g.control.Snapshot().Live[b.Number].Reading; reading != nil && device == fmt.Sprintf("bay %d",
			b.Number) {
			return reading.Serial
		}
	}
	return ""
}

// ShutBay implements api.Site.
func (g granter) ShutBay(ctx context.Context, bay int, shut bool, by string) (api.Done, error) {
	if by == "" {
		return api.Done{}, errors.New("cannot close or open a bay: say who does")
	}
	err := g.control.Do(ctx, session.Observation{What: session.ShutAsked, Bay: bay, Raised: shut, By: by})
	return api.Done{Done: true}, err
}
