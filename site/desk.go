package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/line"
	"kioskd/receipt"
	"kioskd/report"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
	"kioskd/ui"
)

// desk is what the host and the technician see and do at the screen. It implements ui.Desk:
// a page is made of rows, bars and actions, an action is a word with its arguments behind
// colons. Whatever is done goes through the controller, which writes it down.
type desk struct {
	c       *config.Config
	owner   owner
	journal *store.Store
	log     *keptLines
	lines   []countedLine
	up      *uplink // nil without a back office
	quit    func()  // ends the daemon in order
	version string
	start   time.Time
}

type countedLine struct {
	name  string
	stats *line.Stats
}

// Judge implements ui.Desk.
func (d desk) Judge(code string) string {
	role := ""
	for _, r := range []struct {
		name string
		hash *config.CodeHash
	}{{ui.RoleTechnician, d.c.Technician}, {ui.RoleHost, d.c.Host}} {
		if r.hash != nil && r.hash.Matches(code) { // both are always tried: it takes as long for either
			role = cmp.Or(role, r.name)
		}
	}
	return role
}

// technicianPages and hostPages are the menus.
var (
	TechnicianPages = []string{"devices", "faults", "history", "money", "terminal", "system", "contactors", "meters",
		"uplink", "journal", "log", "export", "shutdown"}
	hostPages = []string{"today", "month", "close", "free"}
)

// Page implements ui.Desk.
func (d desk) Page(ctx context.Context, role, page string, snap session.Snapshot) ui.StaffView {
	pages := map[string]func(context.Context, session.Snapshot) ui.StaffView{
		ui.RoleTechnician: d.menu(TechnicianPages), ui.RoleHost: d.menu(hostPages),
		"devices": d.devices, "history": d.history, "system": d.system, "faults": d.faults,
		"money": d.money, "contactors": d.contactors, "meters": d.meters,
		"terminal": d.terminal,
		"uplink":   d.uplink, "journal": d.journalPage, "log": d.logPage, "export": d.export, "shutdown": d.shutdown,
		"today": d.today, "month": d.month, "close": d.closing, "free": d.free,
	}
	allowed := append([]string{role}, TechnicianPages...)
	if role == ui.RoleHost {
		allowed = append([]string{role}, hostPages...)
	}
	if !slices.Contains(allowed, page) {
		page = role
	}
	return pages[page](ctx, snap)
}

func arg(name, text string) ui.Arg                 { return ui.Arg{Name: name, Text: text} }
func number(n int) ui.Arg                          { return arg("N", strconv.Itoa(n)) }
func row(key, state string, args ...ui.Arg) ui.Row { return ui.Row{Key: key, State: state, Args: args} }

// failed is a row for what cannot be said or done.
func failed(err error) ui.Row { return row("staff.failed", "bad", arg("Why", err.Error())) }

func (d desk) faults(_ context.Context, snap session.Snapshot) (v ui.StaffView) {
	for _, at := range sortedFaults(snap.State) {
		def, _ := kiosk.FaultByCode(at.Code)
		state := "bad"
		if def.Severity == kiosk.Warning {
			state = "warn"
		}
		r := row("faults.site", state, arg("Code", string(at.Code)),
			ui.Arg{Name: "Title", Key: at.Code.TextKey("title")})
		if at.Bay > 0 {
			r.Key, r.Args = "faults.bay", append(r.Args, number(at.Bay))
		}
		if session.Clearable(at.Code) {
			r.Do = &ui.Action{Key: "faults.clear", Value: fmt.Sprintf("%sclear:%s:%d", ui.Confirmed, at.Code, at.Bay)}
		}
		v.Rows = append(v.Rows, r, row(at.Code.TextKey("technician"), ""))
	}
	if len(v.Rows) == 0 {
		v.Rows = []ui.Row{row("faults.none", "ok")}
	}
	return v
}

// money lists what is not settled, with a try at once where one waits for its time.
func (d desk) money(ctx context.Context, _ session.Snapshot) (v ui.StaffView) {
	items, err := OpenItems(ctx, d.journal)
	if err != nil {
		return ui.StaffView{Rows: []ui.Row{failed(err)}}
	}
	for _, i := range items {
		amount := i.Due
		if amount.Minor == 0 {
			amount = i.Held
		}
		args := []ui.Arg{arg("Code", i.Reference), {Name: "Amount", Money: &amount}, number(i.Attempts)}
		switch {
		case i.Acts != "":
			v.Rows = append(v.Rows, row("money.person", "bad", args...))
		case i.Next == nil:
			v.Rows = append(v.Rows, row("money.now", "", args...))
		default:
			key := "money.capture"
			if i.Due.Minor == 0 {
				key = "money.release"
			}
			r := row(key, "warn", append(args, ui.Arg{Name: "At", At: i.Next})...)
			r.Do = &ui.Action{Key: "money.retry", Value: "retry:" + i.Session}
			v.Rows = append(v.Rows, r)
		}
	}
	if len(v.Rows) == 0 {
		v.Rows = []ui.Row{row("money.none", "ok")}
	}
	return v
}

func (d desk) contactors(_ context.Context, _ session.Snapshot) ui.StaffView {
	v := ui.StaffView{Rows: []ui.Row{row("test.warn", "warn")}}
	for _, n := range d.owner.control.Bays() {
		r := row("test.bay", "", number(n))
		r.Do = &ui.Action{Key: "test.do", Value: fmt.Sprintf("%stest:%d", ui.Confirmed, n)}
		v.Rows = append(v.Rows, r)
	}
	return v
}

func (d desk) meters(_ context.Context, snap session.Snapshot) ui.StaffView {
	v := ui.StaffView{Rows: []ui.Row{row("swap.warn", "warn")}}
	for _, n := range d.owner.control.Bays() {
		r := row("dev.meter_lost", "bad", number(n))
		if good := snap.Live[n].Good; good != nil {
			r = row("swap.bay", "", number(n), arg("Serial", good.Serial), ui.Arg{Name: "Energy", Energy: &good.Import})
		}
		r.Do = &ui.Action{Key: "swap.do", Value: fmt.Sprintf("%sswap:%d", ui.Confirmed, n)}
		v.Rows = append(v.Rows, r)
	}
	return v
}

func (d desk) terminal(_ context.Context, snap session.Snapshot) ui.StaffView {
	held := 0
	for _, x := range snap.State.Sessions {
		if x.Money == session.Held {
			held++
		}
	}
	reader, card, day := row("pt.id", "", arg("Id", d.c.Rules.TerminalID)), row("pt.reads", ""), row("pt.never", "")
	reader.Do = &ui.Action{Key: "pt.test", Value: "reader"}
	if d.c.Rules.Abilities.ReadsCards {
		card.Do = &ui.Action{Key: "pt.card", Value: "card"}
	}
	if at := snap.State.Day.Ended; !at.IsZero() {
		day = row("pt.day", "", ui.Arg{Name: "At", At: d.local(at)})
	}
	day.Do = &ui.Action{Key: "pt.end", Value: ui.Confirmed + "dayend"}
	return ui.StaffView{Rows: []ui.Row{reader, d.contact(d.c.Terminal.Stats.Read().Heard), card,
		row("pt.open", "", number(held)), day}}
}

func (d desk) journalPage(ctx context.Context, _ session.Snapshot) ui.StaffView {
	n, err := d.journal.Seq(ctx)
	if err != nil {
		return ui.StaffView{Rows: []ui.Row{failed(err)}}
	}
	return ui.StaffView{Rows: []ui.Row{row("journal.records", "", arg("N", strconv.FormatInt(n, 10)))},
		Actions: []ui.Action{{Key: "journal.verify", Value: "verify"}}}
}

func (d desk) logPage(context.Context, session.Snapshot) (v ui.StaffView) {
	for _, l := range d.log.newest() {
		state := ""
		if l.level >= slog.LevelError {
			state = "bad"
		} else if l.level >= slog.LevelWarn {
			state = "warn"
		}
		at := l.at.In(d.c.Timezone).Format("01-02 15:04:05 ")
		v.Rows = append(v.Rows, ui.Row{Text: at + l.text, State: state})
	}
	if len(v.Rows) == 0 {
		v.Rows = []ui.Row{row("log.empty", "")}
	}
	return v
}

func (d desk) export(context.Context, session.Snapshot) ui.StaffView {
	return ui.StaffView{Rows: []ui.Row{row("export.to", "", arg("Path", d.c.ExportTo))},
		Actions: []ui.Action{{Key: "export.do", Value: "export"}}}
}

func (d desk) shutdown(context.Context, session.Snapshot) ui.StaffView {
	return ui.StaffView{Rows: []ui.Row{row("off.warn", "warn")},
		Actions: []ui.Action{{Key: "off.do", Value: ui.Confirmed + "off"}}}
}

func (d desk) closing(_ context.Context, snap session.Snapshot) (v ui.StaffView) {
	for _, n := range d.owner.control.Bays() {
		r := row("close.open", "ok", number(n))
		r.Do = &ui.Action{Key: "close.do", Value: fmt.Sprintf("shut:%d:on", n)}
		if snap.State.Faults[session.FaultAt{Code: kiosk.FaultBayShut, Bay: n}] {
			r = row("close.closed", "", number(n))
			r.Do = &ui.Action{Key: "close.undo", Value: fmt.Sprintf("shut:%d:off", n)}
		}
		v.Rows = append(v.Rows, r)
	}
	return v
}

// freeEnergy is how much a host gives away at once.
const freeEnergy kiosk.Energy = 20_000

func (d desk) free(_ context.Context, snap session.Snapshot) (v ui.StaffView) {
	most := freeEnergy
	for _, n := range d.owner.control.Bays() {
		r := row("free.bay", "", number(n))
		_, down := snap.State.Down(n)
		if _, taken := snap.State.AtBay(n); !taken && !down {
			r.Do = &ui.Action{Key: "free.do", Args: []ui.Arg{{Name: "Energy", Energy: &most}},
				Value: fmt.Sprintf("%sfree:%d", ui.Confirmed, n)}
		}
		v.Rows = append(v.Rows, r)
	}
	return v
}

func (d desk) today(ctx context.Context, snap session.Snapshot) ui.StaffView {
	now := snap.At.In(d.c.Timezone)
	from := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, d.c.Timezone)
	return d.takings(ctx, from, from.AddDate(0, 0, 1), 24, func(t time.Time) int { return t.Hour() }, 0)
}

func (d desk) month(ctx context.Context, snap session.Snapshot) ui.StaffView {
	now := snap.At.In(d.c.Timezone)
	from := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, d.c.Timezone)
	to := from.AddDate(0, 1, 0)
	return d.takings(ctx, from, to, to.AddDate(0, 0, -1).Day(), func(t time.Time) int { return t.Day() - 1 }, 1)
}

// takings adds up what was billed from a time to another, by n hours or days. All bills are looked at: where the clock
// was wrong, the times of records do not follow one another.
func (d desk) takings(ctx context.Context, from, to time.Time, n int, slot func(time.Time) int,
	first int) ui.StaffView {
	zero := kiosk.Money{Currency: d.c.Currency}
	v, sum, energy, sessions := ui.StaffView{Bars: make([]ui.Bar, n)}, zero, kiosk.Energy(0), 0
	for i := range v.Bars {
		v.Bars[i] = ui.Bar{Label: strconv.Itoa(i + first), Money: zero}
	}
	for r, err := range d.journal.Newest(ctx, string(session.Billed)) {
		if err != nil {
			return ui.StaffView{Rows: []ui.Row{failed(err)}}
		}
		if r.Wall.Before(from) || !r.Wall.Before(to) {
			continue
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return ui.StaffView{Rows: []ui.Row{failed(err)}}
		}
		at, bill := r.Wall.In(d.c.Timezone), e.Body.(session.BillBody).Bill
		sum, err = sum.Add(bill.Total)
		if err != nil {
			return ui.StaffView{Rows: []ui.Row{failed(err)}}
		}
		v.Bars[slot(at)].Money.Minor += bill.Total.Minor
		energy, sessions = energy+bill.Energy, sessions+1
	}
	v.Rows = []ui.Row{row("host.revenue", "", ui.Arg{Name: "Amount", Money: &sum}),
		row("host.energy", "", ui.Arg{Name: "Energy", Energy: &energy}), row("host.sessions", "", number(sessions))}
	return v
}

// deskLimit is how long one action may take.
const deskLimit = 3 * time.Minute

// Do implements ui.Desk.
func (d desk) Do(ctx context.Context, role, action string) ui.Row {
	ctx, cancel := context.WithTimeout(ctx, deskLimit)
	defer cancel()
	word, rest, _ := strings.Cut(action, ":")
	do := map[string]func(context.Context, string, []string) (ui.Row, error){
		"reader": d.doReader, "card": d.doCard, "clear": d.doClear, "retry": d.doRetry,
		"test": d.doTest, "swap": d.doSwap, "dayend": d.doDayEnd,
		"verify": d.doVerify, "export": d.doExport, "off": d.doOff,
	}
	if d.up != nil {
		do["upnow"], do["upagain"] = d.doUpNow, d.doUpAgain
	}
	if role == ui.RoleHost {
		do = map[string]func(context.Context, string, []string) (ui.Row, error){"shut": d.doShut, "free": d.doFree}
	}
	f, ok := do[word]
	if !ok {
		return failed(fmt.Errorf("%q is not known", word))
	}
	done, err := f(ctx, role, append(strings.Split(rest, ":"), "")) // two at least, which is the most that one reads
	if err != nil {
		return failed(err)
	}
	return done
}

// bayOf reads the bay of an action.
func bayOf(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil {
		return 0, fmt.Errorf("%q is no bay", arg)
	}
	return n, nil
}

func (d desk) observe(ctx context.Context, o session.Observation) (ui.Row, error) {
	return row("staff.done", "ok"), d.owner.control.Do(ctx, o)
}

func (d desk) doClear(ctx context.Context, by string, args []string) (ui.Row, error) {
	n, err := bayOf(args[1])
	if err != nil {
		return ui.Row{}, err
	}
	return row("staff.done", "ok"), d.owner.control.ClearFault(ctx, kiosk.FaultCode(args[0]), n, by)
}

func (d desk) doRetry(ctx context.Context, by string, args []string) (ui.Row, error) {
	return d.observe(ctx, session.Observation{What: session.RetryAsked, Session: args[0], By: by})
}

func (d desk) doShut(ctx context.Context, by string, args []string) (ui.Row, error) {
	n, err := bayOf(args[0])
	if err != nil {
		return ui.Row{}, err
	}
	if args[1] != "on" && args[1] != "off" {
		return ui.Row{}, fmt.Errorf("%q neither closes a bay nor opens it", args[1])
	}
	return d.observe(ctx, session.Observation{What: session.ShutAsked, Bay: n, Raised: args[1] == "on", By: by})
}

// doTest closes a contactor for a second and waits for what came of it.
func (d desk) doTest(ctx context.Context, by string, args []string) (ui.Row, error) {
	n, err := bayOf(args[0])
	if err != nil {
		return ui.Row{}, err
	}
	if err := d.owner.control.Do(ctx, session.Observation{What: session.TestAsked, Bay: n, By: by}); err != nil {
		return ui.Row{}, err
	}
	ended := func(s session.State) (bool, error) { return !s.Testing[n], nil }
	if err := d.owner.control.Await(ctx, ended); err != nil {
		return ui.Row{}, err
	}
	if why := d.owner.control.Snapshot().State.Tested[n]; why != "" {
		return ui.Row{}, fmt.Errorf("%s", why)
	}
	return row("test.ok", "ok", number(n)), nil
}

func (d desk) doSwap(ctx context.Context, by string, args []string) (ui.Row, error) {
	n, err := bayOf(args[0])
	if err != nil {
		return ui.Row{}, err
	}
	old, now, err := d.owner.control.SwapMeter(ctx, n, by)
	if err != nil {
		return ui.Row{}, err
	}
	before, end := "-", kiosk.Energy(0)
	if old != nil {
		before, end = old.Serial, old.Import
	}
	return row("swap.ok", "ok", number(n), arg("Old", before), ui.Arg{Name: "End", Energy: &end},
		arg("New", now.Serial), ui.Arg{Name: "Start", Energy: &now.Import}), nil
}

func (d desk) doDayEnd(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	end, err := d.owner.EndOfDay(ctx, false)
	state := "ok"
	if !end.Agrees {
		state = "warn"
	}
	counted := arg("Terminal", "-")
	if end.Terminal != nil {
		counted = ui.Arg{Name: "Terminal", Money: end.Terminal}
	}
	return row("pt.ended", state, counted, ui.Arg{Name: "Journal", Money: &end.Journal}), err
}

func (d desk) doVerify(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	head, err := d.journal.Verify(ctx, func(int64) {})
	return row("journal.good", "ok", arg("N", strconv.FormatInt(head.Records, 10))), err
}

// doOff ends the daemon; what runs is ended and billed first.
func (d desk) doOff(context.Context, string, []string) (ui.Row, error) {
	d.quit()
	return row("off.done", "ok"), nil
}

// freeTariff costs nothing.
func freeTariff(c kiosk.Currency) []byte {
	return fmt.Appendf(nil, `{"id":"free","currency":%q,"tax_included":"YES",`+
		`"elements":[{"price_components":[{"type":"ENERGY","price":0}]}]}`, c)
}

func (d desk) doFree(ctx context.Context, by string, args []string) (ui.Row, error) {
	n, err := bayOf(args[0])
	if err != nil {
		return ui.Row{}, err
	}
	code, err := giveAway(ctx, d.c, d.owner.control, n, by)
	if err != nil {
		return ui.Row{}, err
	}
	return row("free.ok", "ok", number(n), arg("Code", code)), nil
}

// giveAway lets the next vehicle at a bay charge for nothing. Its driver stops it with the code.
func giveAway(ctx context.Context, c *config.Config, control *session.Controller, bay int, by string) (code string,
	err error) {
	t, err := tariff.Parse(freeTariff(c.Currency))
	if err != nil {
		return "", err
	}
	offer := session.Offer{Tariff: t.JSON(), Hash: store.Sum(t.JSON()), Hold: kiosk.Money{Currency: c.Currency},
		Language: c.Languages[0], Timezone: c.Timezone.String(), Limit: &session.Limit{Energy: freeEnergy}}
	id, err := control.Grant(ctx, bay, offer, by)
	if err != nil {
		return "", err
	}
	return c.Rules.Code(id), nil
}

// OpenItems lists the money that is not settled.
func OpenItems(ctx context.Context, journal *store.Store) ([]receipt.OpenItem, error) {
	return receipt.Unresolved(journal.With(ctx, string(session.Refused), string(session.Unproven),
		string(session.HoldVanished)))
}

// unsettled lists the money of sessions that are over and not settled: what a running one holds is where it belongs.
func unsettled(ctx context.Context, journal *store.Store) (out []receipt.OpenItem, err error) {
	all, err := OpenItems(ctx, journal)
	for _, i := range all {
		row, failed := report.FromRecords(i.Session, journal.Session(ctx, i.Session))
		if failed != nil || row.Outcome != report.Ongoing {
			out, err = append(out, i), errors.Join(err, failed)
		}
	}
	return out, err
}
