package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"kioskd"
	"kioskd/report"
	"kioskd/session"
)

// kioskCard is a kiosk of a back office, with what a host asks of it first.
type kioskCard struct {
	Kiosk, Site, State, Class, Facts string
}

// latest are the kiosks of a back office, each with the journal that was heard of last.
func (v *view) latest() (out []Journal, err error) {
	all, err := v.server.many.Journals(v.r.Context())
	for _, j := range all {
		n := len(out) - 1
		switch {
		case n < 0 || out[n].Kiosk != j.Kiosk:
			out = append(out, j)
		case !j.Heard.Before(out[n].Heard):
			out[n] = j
		}
	}
	return out, err
}

func (v *view) kioskCards() (out []kioskCard, err error) {
	all, err := v.latest()
	if err != nil {
		return nil, err
	}
	known := map[string]*kioskNow{}
	if v.May(kiosk.ScopeReports) {
		known, err = v.kiosksNow()
		if err != nil {
			return nil, err
		}
	}
	for _, j := range all {
		c := kioskCard{Kiosk: j.Kiosk, State: v.T("office.heard", "At", v.Minute(j.Heard.In(v.Now.At.Location()))),
			Class: "good"}
		if j.Silent {
			c.State, c.Class = v.T("office.silent", "At", v.Minute(j.Heard.In(v.Now.At.Location()))), "warn"
		}
		if j.Conflict != "" {
			c.State, c.Class = v.T(kiosk.FaultOfficeDiffers.TextKey("title")), "warn"
		}
		if k := known[j.Kiosk]; k != nil {
			c.Site, c.Facts = k.name, v.kioskFacts(*k)
		}
		out = append(out, c)
	}
	return out, nil
}

// kioskNow is what the reports know of a kiosk at present.
type kioskNow struct {
	name            string
	today           []kiosk.Money
	charging, stuck int
	faults          int
}

func (v *view) kioskFacts(k kioskNow) string {
	var facts []string
	for _, m := range k.today {
		facts = append(facts, v.Money(m))
	}
	for _, c := range []struct {
		key string
		n   int
	}{{"report.state.open", k.charging}, {"report.state.unsettled", k.stuck}, {"report.faults", k.faults}} {
		if c.n > 0 {
			facts = append(facts, v.T("join.pair", "Name", v.T(c.key), "Value", fmt.Sprint(c.n)))
		}
	}
	return strings.Join(facts, " · ")
}

// kiosksNow reads what was taken today, what is open, and what is wrong, of each kiosk.
func (v *view) kiosksNow() (map[string]*kioskNow, error) {
	out := map[string]*kioskNow{}
	of := func(id string) *kioskNow {
		if out[id] == nil {
			out[id] = &kioskNow{}
		}
		return out[id]
	}
	for _, f := range v.Now.Faults {
		of(f.Kiosk).faults++
	}
	ctx, today := v.r.Context(), v.Now.At.Format(time.DateOnly)
	return out, v.server.site.Book(ctx, func(b *report.Book) error {
		places, err := b.Places(ctx, report.Window{})
		if err != nil {
			return err
		}
		for _, p := range places {
			of(p.Kiosk).name = p.Seller["name"]
		}
		groups, err := b.RevenueBy(ctx, report.Window{From: today, To: today}, report.ByKiosk)
		if err != nil {
			return err
		}
		for _, r := range groups {
			of(r.Group).today = append(of(r.Group).today, r.Kept)
		}
		for s, err := range b.Waiting(ctx, report.Window{}) {
			switch {
			case err != nil:
				return err
			case s.Outcome == report.Ongoing:
				of(s.Kiosk).charging++
			default:
				of(s.Kiosk).stuck++
			}
		}
		return nil
	})
}

// journalsPage is what a back office has of its kiosks, and who came in at its page.
type journalsPage struct {
	Rows   []journalRow
	Visits []fact
}

// journalRow is a journal in the list.
type journalRow struct {
	Kiosk, Epoch, Heard, Records, Refused, Signed, Why string
	Warn                                               bool
}

func (s *server) showJournals(v *view) error {
	all, err := s.many.Journals(v.r.Context())
	if err != nil {
		return err
	}
	p := &journalsPage{}
	for _, j := range all {
		p.Rows = append(p.Rows, journalRow{j.Kiosk, j.Epoch, v.Minute(j.Heard.In(v.Now.At.Location())),
			v.Number(fmt.Sprint(j.Records)), v.Number(fmt.Sprint(j.Refused)), v.Number(fmt.Sprint(j.Countersigned)),
			j.Conflict, j.Conflict != ""})
	}
	visits, err := s.many.Visits(v.r.Context())
	for _, visit := range visits {
		p.Visits = append(p.Visits, fact{v.Time(visit.At.In(v.Now.At.Location())),
			strings.TrimSpace(fmt.Sprintf("%s: %s %s %s %s", visit.Kind, visit.Note.By, visit.Note.What,
				visit.Note.Detail, visit.Note.From))})
	}
	v.Template, v.Body = "journals", p
	return err
}

// ordersPage is what was told to kiosks, and what may be.
type ordersPage struct {
	Rows       []orderRow
	Text, From string // of a tariff, as it was typed
}

// orderRow is an instruction in the list.
type orderRow struct{ At, Kiosk, What, State, Class, Why string }

func (s *server) showOrders(v *view) error {
	all, err := s.many.Orders(v.r.Context())
	p := &ordersPage{Text: v.r.PostFormValue("tariff"), From: v.r.PostFormValue("from")}
	for _, o := range all {
		row := orderRow{v.Minute(o.Instruction.Issued.In(v.Now.At.Location())), o.Instruction.Kiosk,
			strings.TrimSpace(string(o.Instruction.Do) + " " + o.Instruction.Session + o.Instruction.Texts["en"]),
			v.T("office.waiting"), "plain", o.Why}
		switch session.Kind(o.State) {
		case session.InstructionTaken:
			row.State = v.T("office.taken")
		case session.InstructionDone:
			row.State, row.Class = v.T("staff.done"), "good"
		case session.InstructionRefused:
			row.State, row.Class = v.T("office.no"), "warn"
		}
		p.Rows = append(p.Rows, row)
	}
	v.Template, v.Body = "orders", p
	return err
}

// ordersLast is how long a kiosk that is away may take to hear of an instruction.
const ordersLast = 24 * time.Hour

// orderAll instructs the kiosk that a form names, or all of them: each judges the instruction itself.
func (s *server) orderAll(v *view, what string, in kiosk.Instruction, of string) (string, error) {
	all, err := v.latest()
	if err != nil {
		return "", err
	}
	if err := in.Check(); err != nil {
		return "", &problem{http.StatusBadRequest, err.Error()}
	}
	_, err = carry(s, v.r, session.NoteBody{By: v.who.Name, What: what, Detail: of}, func() (told int, err error) {
		for _, j := range all {
			if of != "" && of != j.Kiosk {
				continue
			}
			in.ID, in.Kiosk = ulid.Make().String(), j.Kiosk
			in.Issued = s.now().UTC().Truncate(time.Second)
			in.Expires = in.Issued.Add(ordersLast)
			if err := s.many.Instruct(v.r.Context(), in); err != nil {
				return told, fmt.Errorf("kiosk %s, and those after it: %w", j.Kiosk, err)
			}
			told++
		}
		if told == 0 {
			return 0, fmt.Errorf("kiosk %q: %w", of, ErrNone)
		}
		return told, nil
	})
	return v.T("office.waiting"), err
}

func (s *server) orderMessage(v *view) (string, error) {
	return s.orderAll(v, "message", v.messageOf(), v.r.PostFormValue("kiosk"))
}

func (s *server) orderTariff(v *view) (string, error) {
	in, err := s.tariffOf(v)
	if err != nil {
		return "", err
	}
	return s.orderAll(v, "tariff", in, v.r.PostFormValue("kiosk"))
}

func (s *server) orderStop(v *view) (string, error) {
	id, err := s.named(v.r)
	if err != nil {
		return "", err
	}
	of, err := s.many.KioskOf(v.r.Context(), id)
	if err != nil {
		return "", err
	}
	x, err := s.row(v.r.Context(), id)
	if err != nil {
		return "", err
	}
	return s.orderAll(v, "stop session", kiosk.Instruction{Do: kiosk.TaskStopSession, Session: x.Reference}, of)
}
