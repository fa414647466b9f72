package site

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kioskd/backoffice"
	"kioskd/session"
	"kioskd/ui"
)

// uplink says how things stand with the back office, and what to do.
func (d desk) uplink(ctx context.Context, _ session.Snapshot) ui.StaffView {
	n, err := d.journal.Backlog(ctx)
	parked, err2 := d.journal.Parked(ctx)
	if err := errors.Join(err, err2); err != nil {
		return ui.StaffView{Rows: []ui.Row{failed(err)}}
	}
	backlog := row("up.backlog", "", arg("N", strconv.FormatInt(n, 10)))
	if d.up == nil {
		return ui.StaffView{Rows: []ui.Row{row("up.none", "warn"), backlog}}
	}
	st := d.up.Status()
	local := func(t time.Time) *time.Time { t = t.In(d.c.Timezone); return &t }
	state, at := "bad", local(st.Since)
	switch st.Class {
	case backoffice.Connected:
		state, at = "ok", local(st.Good)
	case backoffice.Waiting, backoffice.Server:
		state = "warn"
	}
	v := ui.StaffView{Rows: []ui.Row{row("up."+string(st.Class), state, ui.Arg{Name: "At", At: at})},
		Actions: []ui.Action{{Key: "up.now", Value: "upnow"}}}
	if st.Skew.Abs() > skewed && st.Class == backoffice.Connected {
		v.Rows = append(v.Rows, row("up.clock", "warn"))
	}
	if st.Why != "" {
		v.Rows = append(v.Rows, ui.Row{Text: st.Why})
	}
	if !st.Next.IsZero() {
		v.Rows = append(v.Rows, row("up.next", "", ui.Arg{Name: "At", At: local(st.Next)}))
	}
	v.Rows = append(v.Rows, backlog, row("up.sent", "", arg("N", strconv.FormatInt(st.Sent, 10)),
		arg("Bytes", strconv.FormatInt((st.Out+st.In+999)/1000, 10))))
	if len(parked) > 0 {
		r := row("up.parked", "bad", arg("N", strconv.Itoa(len(parked))))
		r.Do = &ui.Action{Key: "up.again", Value: "upagain"}
		v.Rows = append(v.Rows, r)
		for _, p := range parked[:min(len(parked), 5)] {
			v.Rows = append(v.Rows, ui.Row{Text: fmt.Sprintf("%d: %s", p.Seq, p.Why)})
		}
	}
	return v
}

// skewed is how far apart two clocks may be before one is called wrong.
const skewed = 2 * time.Minute

// doUpNow tries to reach the back office at once.
func (d desk) doUpNow(context.Context, string, []string) (ui.Row, error) {
	d.up.Hurry()
	return row("staff.done", "ok"), nil
}

// doUpAgain sends what was refused once more.
func (d desk) doUpAgain(ctx context.Context, _ string, _ []string) (ui.Row, error) {
	err := d.journal.SendAgain(ctx)
	d.up.Hurry()
	return row("staff.done", "ok"), err
}
