package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kioskd/session"
)

// Desk is what the host and the technician see and do. It is safe for concurrent use.
type Desk interface {
	// Judge tells whose code it is, a role, or none. It takes its time by design.
	Judge(code string) (role string)
	// Page is a page of a role; it answers at once.
	Page(ctx context.Context, role, page string, snap session.Snapshot) StaffView
	// Do carries an action out and says what came of it. It may take long.
	Do(ctx context.Context, role, action string) Row
}

// Roles of staff. Each is the page that it begins with.
const (
	RoleTechnician = "technician"
	RoleHost       = "host"
)

// visit is one of a person who knows a code, or tries one.
type visit struct {
	page   string // "code" until the code was right
	role   string
	digits string
	ask    *Action
	note   *Row
	busy   bool
	turn   int // counts visits: an answer for an earlier one is dropped
	built  builtPage
}

// builtPage is a page as it was built a moment ago: some take a look into the journal.
type builtPage struct {
	page string
	note *Row
	at   time.Time
	view StaffView
}

// How long a page stands before it is built anew: with a chart longer.
const (
	pageFor  = time.Second
	chartFor = 30 * time.Second
)

func (p *scene) buildPage(snap session.Snapshot) StaffView {
	s := &p.staff
	age, limit := snap.At.Sub(s.built.at), pageFor
	if len(s.built.view.Bars) > 0 {
		limit = chartFor
	}
	if s.built.page != s.page || s.built.note != s.note || age < 0 || age >= limit {
		s.built = builtPage{s.page, s.note, snap.At, p.site.Desk.Page(context.Background(), s.role, s.page, snap)}
	}
	return s.built.view
}

// staffDigits is the longest code.
const staffDigits = 12

// goTo marks an action that goes to another page, confirmed one that is asked about first.
const (
	GoTo      = "page:"
	Confirmed = "!"
)

// desk takes what staff do.
func (p *Presenter) desk(ctx context.Context, in Input, snap session.Snapshot) error {
	switch {
	case p.site.Desk == nil:
		return fmt.Errorf("no staff code is configured")
	case in.Kind == Staff:
		if p.last.Screen == Attract || p.last.Screen == Bays || p.last.Closed() {
			p.staff = visit{page: "code", turn: p.staff.turn + 1}
		}
		return nil
	case p.last.Staff == nil || p.staff.busy:
		return errOld
	case p.staff.page == "code":
		return p.judge(ctx, snap)
	case in.Value == "yes" && p.staff.ask != nil:
		value := strings.TrimPrefix(p.staff.ask.Value, Confirmed)
		p.staff.ask = nil
		p.carryOut(ctx, value)
		return nil
	}
	a, ok := offered(*p.last.Staff, in.Value)
	switch {
	case !ok:
		return errOld
	case strings.HasPrefix(in.Value, GoTo):
		p.staff.page, p.staff.note = strings.TrimPrefix(in.Value, GoTo), nil
	case strings.HasPrefix(in.Value, Confirmed):
		p.staff.ask = &a
	default:
		p.carryOut(ctx, in.Value)
	}
	return nil
}

// offered finds an action on a page: only what is shown can be done.
func offered(s StaffView, value string) (Action, bool) {
	actions := slices.Clone(s.Actions)
	for _, r := range s.Rows {
		if r.Do != nil {
			actions = append(actions, *r.Do)
		}
	}
	i := slices.IndexFunc(actions, func(a Action) bool { return a.Value == value })
	if i < 0 {
		return Action{}, false
	}
	return actions[i], true
}

// aside does something that takes its time, for as long as the same visit lasts.
func (p *Presenter) aside(f func() func(*visit)) {
	p.staff.busy = true
	turn := p.staff.turn
	go func() {
		change := f()
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.staff.turn == turn {
			p.staff.busy = false
			change(&p.staff)
		}
	}()
}

func (p *Presenter) carryOut(ctx context.Context, value string) {
	role, ctx := p.staff.role, context.WithoutCancel(ctx)
	p.staff.note = nil
	p.aside(func() func(*visit) {
		note := p.site.Desk.Do(ctx, role, value)
		return func(s *visit) { s.note = &note }
	})
}

// judge judges a code. That it was tried is in the journal before it opens anything.
func (p *Presenter) judge(ctx context.Context, snap session.Snapshot) error {
	code := p.staff.digits
	p.staff.digits, p.staff.note = "", nil
	if code == "" || p.judging || snap.State.Access.Wait(snap.At) > 0 { // one at a time: it takes memory
		return nil
	}
	ctx, p.judging = context.WithoutCancel(ctx), true
	p.aside(func() func(*visit) {
		role := p.site.Desk.Judge(code)
		err := p.kiosk.Do(ctx, session.Observation{What: session.CodeJudged, Raised: role != "", By: role})
		p.mu.Lock()
		defer p.mu.Unlock()
		p.judging = false
		return func(s *visit) {
			if role == "" || err != nil {
				s.note = &Row{Key: "staff.wrong", State: "bad"}
				return
			}
			s.role, s.page = role, role
		}
	})
	return nil
}

func (p *Presenter) staffDigit(value string, snap session.Snapshot) error {
	if p.staff.busy || snap.State.Access.Wait(snap.At) > 0 {
		return nil
	}
	p.staff.note = nil
	if len(p.staff.digits) < staffDigits {
		p.staff.digits += value
	}
	return nil
}

func (p *Presenter) staffBack() {
	s := &p.staff
	switch {
	case s.ask != nil:
		s.ask = nil
	case s.page == "code" || s.page == s.role:
		*s = visit{turn: s.turn + 1}
	default:
		s.page, s.note = s.role, nil
	}
}

// staffView shows the page in the place of everything else.
func (p *scene) staffView(v View, snap session.Snapshot) View {
	page := StaffView{Page: "code", Digits: len(p.staff.digits), Wait: seconds(snap.State.Access.Wait(snap.At))}
	v.Screen = StaffCode
	if p.staff.page != "code" {
		page = p.buildPage(snap)
		page.Page = p.staff.page
		v.Screen = Technic
		if p.staff.role == RoleHost {
			v.Screen = HostPage
		}
	}
	page.Note, page.Ask, page.Busy = p.staff.note, p.staff.ask, p.staff.busy
	v.Staff, v.Bay, v.Message = &page, 0, ""
	if idle := snap.At.Sub(p.since); p.site.Times.Staff-idle < time.Minute {
		v.Seconds = seconds(p.site.Times.Staff - idle)
	} else {
		v.Seconds = 0
	}
	return v
}

// staffPage tells pages of staff apart.
func staffPage(v View) string {
	if v.Staff == nil {
		return ""
	}
	if v.Staff.Ask != nil {
		return v.Staff.Page + "?" + v.Staff.Ask.Value
	}
	return v.Staff.Page
}

// Closed tells whether a view says that nothing is sold.
func (v View) Closed() bool {
	return slices.Contains([]Screen{OutOfOrder, Reader, Offline, Emergency, Lost}, v.Screen)
}
