package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/ui"
)

// What a technician looks at, in a hurry: devices with their last contact, the faults of the last days, and the
// computer itself.

func (d desk) local(t time.Time) *time.Time {
	at := t.In(d.c.Timezone)
	return &at
}

// contact says when something was heard of last.
func (d desk) contact(at time.Time) ui.Row {
	if at.IsZero() {
		return row("dev.never", "")
	}
	return row("dev.contact", "", ui.Arg{Name: "At", At: d.local(at)})
}

func (d desk) devices(ctx context.Context, snap session.Snapshot) (v ui.StaffView) {
	wrong := d.lastErrors(ctx, snap.At)
	if snap.State.Faults[session.FaultAt{Code: kiosk.FaultTerminalUnreachable}] {
		v.Rows = append(v.Rows, row("dev.terminal_lost", "bad"))
	} else {
		v.Rows = append(v.Rows, row("dev.terminal", "ok", arg("Id", d.c.Rules.TerminalID)))
	}
	v.Rows = append(v.Rows, d.contact(d.c.Terminal.Stats.Read().Heard))
	v.Rows = append(v.Rows, wrong[0]...)
	for _, n := range d.owner.control.Bays() {
		v.Rows = append(v.Rows, d.bayRows(n, snap.Live[n])...)
		v.Rows = append(v.Rows, wrong[n]...)
	}
	for _, l := range d.lines {
		c, state := l.stats.Read(), "ok"
		if c.Sent > 0 && (c.Repeated+c.Bad+c.Silent)*100 > c.Sent {
			state = "warn"
		}
		n := func(name string, v int64) ui.Arg { return arg(name, strconv.FormatInt(v, 10)) }
		v.Rows = append(v.Rows, row("dev.line", state, arg("Line", l.name), n("Sent", c.Sent),
			n("Repeated", c.Repeated), n("Bad", c.Bad), n("Silent", c.Silent)))
	}
	return v
}

// bayRows are what a bay's devices say.
func (d desk) bayRows(n int, live session.Sample) (out []ui.Row) {
	r := live.Reading
	if r == nil {
		out = append(out, row("dev.meter_lost", "bad", number(n)))
		if live.Good != nil {
			out = append(out, d.contact(live.Good.At))
		}
	} else {
		out = append(out, row("dev.meter", "ok", number(n), arg("Serial", r.Serial),
			ui.Arg{Name: "Energy", Energy: &r.Import}, ui.Arg{Name: "Power", Power: &r.Power}))
		if p := phases(*r); p != "" {
			out = append(out, row("dev.phases", "", arg("Phases", p), ui.Arg{Name: "At", At: d.local(r.At)}))
		} else {
			out = append(out, d.contact(r.At))
		}
	}
	if live.InputsLost > 0 {
		return append(out, row("dev.inputs_lost", "bad", number(n)))
	}
	plug, contact := "dev.unplugged", "dev.opened"
	if live.Inputs.Plugged {
		plug = "dev.plugged"
	}
	if live.Inputs.Closed {
		contact = "dev.closed"
	}
	return append(out, row("dev.inputs", "ok", number(n), ui.Arg{Name: "Plug", Key: plug},
		ui.Arg{Name: "Contact", Key: contact}))
}

// phases are voltage and current of each phase that the meter was asked for.
func phases(r kiosk.Reading) string {
	var out []string
	for i := range max(len(r.Voltage), len(r.Current)) {
		s := fmt.Sprintf("L%d", i+1)
		if i < len(r.Voltage) {
			s += fmt.Sprintf(" %d.%d V", r.Voltage[i]/1000, r.Voltage[i]%1000/100)
		}
		if i < len(r.Current) {
			sign, ma := "", r.Current[i]
			if ma < 0 {
				sign, ma = "-", -ma
			}
			s += fmt.Sprintf(" %s%d.%d A", sign, ma/1000, ma%1000/100)
		}
		out = append(out, s)
	}
	return strings.Join(out, " · ")
}

// How far the history of faults goes back.
const (
	historyRows = 60
	historyFor  = 30 * 24 * time.Hour
)

// faultChange is a fault that came or went.
type faultChange struct {
	seq    int64
	at     time.Time
	raised bool
	body   session.FaultBody
}

// faultHistory reads the faults that came and went, the last first.
func (d desk) faultHistory(ctx context.Context, most int) (out []faultChange, err error) {
	for _, kind := range []session.Kind{session.FaultRaised, session.FaultCleared} {
		seen := 0
		for r, err := range d.journal.Newest(ctx, string(kind)) {
			if err != nil {
				return nil, err
			}
			seen++
			if seen > most {
				break
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return nil, err
			}
			if body, ok := e.Body.(session.FaultBody); ok {
				out = append(out, faultChange{r.Seq, r.Wall, kind == session.FaultRaised, body})
			}
		}
	}
	slices.SortFunc(out, func(a, b faultChange) int { return int(b.seq - a.seq) })
	return out[:min(most, len(out))], nil
}

// changeRow is a row of the history.
func (d desk) changeRow(w faultChange) ui.Row {
	key, state := "history.went", ""
	if w.raised {
		key, state = "history.came", "bad"
		if def, _ := kiosk.FaultByCode(w.body.Fault); def.Severity == kiosk.Warning {
			state = "warn"
		}
	}
	code := string(w.body.Fault)
	if w.body.Bay > 0 {
		code += " (" + strconv.Itoa(w.body.Bay) + ")"
	}
	return row(key, state, ui.Arg{Name: "At", At: d.local(w.at)}, arg("Code", code),
		ui.Arg{Name: "Title", Key: w.body.Fault.TextKey("title")})
}

func (d desk) history(ctx context.Context, snap session.Snapshot) (v ui.StaffView) {
	all, err := d.faultHistory(ctx, historyRows)
	if err != nil {
		return ui.StaffView{Rows: []ui.Row{failed(err)}}
	}
	for _, w := range all {
		if snap.At.Sub(w.at) <= historyFor {
			v.Rows = append(v.Rows, d.changeRow(w))
		}
	}
	if len(v.Rows) == 0 {
		v.Rows = []ui.Row{row("history.none", "ok")}
	}
	return v
}

// lastErrors is what was wrong last with the devices of each bay, and with the card reader (0), in the last day.
func (d desk) lastErrors(ctx context.Context, now time.Time) map[int][]ui.Row {
	out := map[int][]ui.Row{}
	all, err := d.faultHistory(ctx, historyRows)
	if err != nil {
		return map[int][]ui.Row{0: {failed(err)}}
	}
	for _, w := range all {
		device := w.body.Bay > 0 && w.body.Fault != kiosk.FaultBayShut || strings.HasPrefix(string(w.body.Fault), "PT")
		if _, known := out[w.body.Bay]; known || !device || !w.raised || now.Sub(w.at) > 24*time.Hour {
			continue
		}
		out[w.body.Bay] = []ui.Row{row("dev.error", "", ui.Arg{Name: "At", At: d.local(w.at)},
			arg("Code", string(w.body.Fault)), arg("Why", w.body.Error))}
	}
	return out
}

// tooHot is where a Raspberry Pi begins to slow down, in degrees.
const tooHot = 80

func (d desk) system(ctx context.Context, snap session.Snapshot) (v ui.StaffView) {
	add := func(key, state string, args ...ui.Arg) { v.Rows = append(v.Rows, row(key, state, args...)) }
	add("sys.version", "ok", arg("Version", d.version))
	own, err := addresses()
	switch {
	case err != nil:
		v.Rows = append(v.Rows, failed(err))
	case len(own) == 0:
		add("sys.offline", "warn")
	}
	for _, a := range own {
		add("sys.address", "ok", arg("Address", a))
	}
	pc := computer{"/"}
	if name, dBm, ok := pc.signal(); ok {
		state := "ok"
		if dBm < -75 {
			state = "warn"
		}
		add("sys.signal", state, arg("Line", name), arg("N", strconv.Itoa(dBm)))
	}
	if up, ok := uptime(); ok {
		add("sys.uptime", "ok", arg("Time", short(up)), arg("Own", short(time.Since(d.start))))
	}
	unless := func(code kiosk.FaultCode) string {
		if snap.State.Faults[session.FaultAt{Code: code}] {
			return "bad"
		}
		return "ok"
	}
	if free, err := freeDisk(d.c); err != nil {
		v.Rows = append(v.Rows, failed(err))
	} else {
		add("sys.disk", unless(kiosk.FaultDiskFull), arg("N", strconv.FormatInt(free>>20, 10)))
	}
	add("sys.clock", unless(kiosk.FaultClockUntrusted), ui.Arg{Name: "At", At: d.local(time.Now())},
		ui.Arg{Name: "Source", Key: "sys.clock." + clockSource(d.c.ClockRTC)})
	if degrees, ok := pc.temperature(); ok {
		state := "ok"
		if degrees >= tooHot {
			state = "warn"
		}
		add("sys.temperature", state, arg("N", strconv.FormatInt(degrees, 10)))
	}
	if n, err := d.journal.Seq(ctx); err == nil {
		add("journal.records", "ok", arg("N", strconv.FormatInt(n, 10)))
	}
	return v
}

// counted puts a number behind a page of the menu where there is something to look at.
func (d desk) counted(ctx context.Context, page string, snap session.Snapshot) int {
	switch page {
	case "faults":
		return len(sortedFaults(snap.State))
	case "money":
		if items, err := OpenItems(ctx, d.journal); err == nil {
			return len(items)
		}
	case "uplink":
		if d.up != nil {
			if n, err := d.journal.Backlog(ctx); err == nil {
				return int(n)
			}
		}
	}
	return 0
}

func (d desk) menu(pages []string) func(context.Context, session.Snapshot) ui.StaffView {
	return func(ctx context.Context, snap session.Snapshot) (v ui.StaffView) {
		for _, p := range pages {
			a := ui.Action{Key: "staff.page." + p, Value: ui.GoTo + p}
			if n := d.counted(ctx, p, snap); n > 0 {
				a.Key, a.Args = "staff.count", []ui.Arg{{Name: "Page", Key: "staff.page." + p}, number(n)}
			}
			v.Actions = append(v.Actions, a)
		}
		return v
	}
}

// cardTest is how long a card is waited for when the card reader is tried.
const cardTest = 20 * time.Second

// doReader asks the card reader whether it is ready.
func (d desk) doReader(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	began := time.Now()
	status, err := d.owner.Status(ctx)
	if err == nil {
		err = d.owner.control.WithTerminal(ctx, d.owner.t.Ready)
	}
	if err != nil {
		return ui.Row{}, err
	}
	return row("pt.ready", "ok", arg("Software", cmp.Or(status.Software, status.TerminalID)),
		arg("N", strconv.FormatInt(time.Since(began).Milliseconds(), 10))), nil
}

// doCard reads a card, and reserves nothing.
func (d desk) doCard(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	err := d.owner.control.WithTerminal(ctx, func(ctx context.Context) error {
		_, err := d.owner.t.ReadCard(ctx, cardTest)
		return err
	})
	var no *kiosk.Declined
	if errors.As(err, &no) {
		return ui.Row{Key: "declined." + string(no.Class), State: "warn"}, nil
	}
	if err != nil {
		return ui.Row{}, err
	}
	return row("pt.read", "ok"), nil
}
