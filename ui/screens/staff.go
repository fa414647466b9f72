package screens

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"kioskd/ui"
)

// staffCode asks for the code of the host or the technician.
func (pg *page) staffCode() {
	s := pg.v.Staff
	if s == nil {
		return
	}
	says := block(entered{s.Digits, max(6, s.Digits)})
	switch {
	case s.Busy:
		says = pg.say(pg.t("staff.busy"))
	case s.Wait > 0:
		says = words{s: pg.t("staff.wait", "Time", pg.p.Duration(s.Wait)), em: body, bold: true, color: pg.amber}
	case s.Note != nil:
		says = words{s: pg.row(*s.Note), em: body, bold: true, color: pg.amber}
	}
	pg.foot("back", plain, ui.Back, "")
	pg.ask(pg.digits(label{text: pg.t("staff.ok"), style: primary, tap: pg.act(ui.StaffDo, "code")}),
		pg.head(pg.t("staff.code")), says)
}

// staff draws a page of the host or the technician. It knows no page: rows, bars and buttons
// are all there is.
func (pg *page) staff() {
	s := pg.v.Staff
	if s == nil {
		return
	}
	head := pg.head(pg.t("staff.page." + s.Page))
	head.em = lead
	pg.dense = s.Ask == nil
	pg.block(head)
	switch {
	case s.Ask != nil:
		pg.side = drawing{"warning", pg.amber, pg.amber}
		for _, r := range s.Rows { // what it is about, and what to heed
			w := pg.say(pg.row(r))
			switch {
			case r.Do != nil && r.Do.Value == s.Ask.Value:
				w.em, w.bold = title, true
			case r.State == "warn" && r.Do == nil:
				w.color = pg.amber
			default:
				continue
			}
			pg.block(w)
		}
		pg.block(pg.say(pg.t("staff.sure")))
		pg.foot("back", plain, ui.Back, "")
		pg.feet = append(pg.feet, label{text: pg.action(*s.Ask), style: primary, tap: pg.act(ui.StaffDo, "yes")})
		return
	case s.Busy:
		pg.block(words{s: pg.t("staff.busy"), em: body, bold: true, color: pg.accent})
	case s.Note != nil:
		pg.block(words{s: pg.row(*s.Note), em: body, bold: true, color: pg.state(s.Note.State)})
	}
	if len(s.Bars) > 0 {
		pg.block(chart(s.Bars))
	}
	leave := "back"
	if s.Page == ui.RoleHost || s.Page == ui.RoleTechnician {
		leave = "final.done"
	}
	pg.foot(leave, plain, ui.Back, "")
	if pg.isMenu() {
		pg.block(pg.menu())
		return
	}
	for _, a := range s.Actions {
		pg.feet = append(pg.feet, label{text: pg.action(a), tap: pg.act(ui.StaffDo, a.Value)})
	}
	pg.rows()
}

func (pg *page) isMenu() bool {
	s := pg.v.Staff
	return len(s.Rows) == 0 && len(s.Bars) == 0 && len(s.Actions) > 3
}

// menu is a page that has nothing but ways to others.
func (pg *page) menu() grid {
	var tiles []label
	for _, a := range pg.v.Staff.Actions {
		tiles = append(tiles, label{text: pg.action(a), tap: pg.act(ui.StaffDo, a.Value)})
	}
	columns, rows := pg.cells(len(tiles), 38, target)
	return grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target}
}

// rows are what a page says, as many as fit, each with what can be done about it.
func (pg *page) rows() {
	b := pg.frame().body
	room := b.h
	for _, x := range pg.blocks {
		room -= x.height(pg, b.w) + pg.u(gap)
	}
	var pages []table
	left := float32(-1)
	for _, r := range pg.v.Staff.Rows {
		h := listed{r}.height(pg, b.w)
		if h > left {
			pages, left = append(pages, nil), room
		}
		pages[len(pages)-1], left = append(pages[len(pages)-1], listed{r}), left-h
	}
	if len(pages) == 0 {
		return
	}
	pg.pic.Pages = len(pages)
	n := pg.local.page % len(pages)
	pg.block(pages[n])
	if len(pages) > 1 {
		pg.feet = append(pg.feet, label{text: pg.t("more"), under: pg.leaf(n, len(pages)), tap: pg.nextPage()})
	}
}

// table is rows one below the other, from the top.
type table []listed

func (table) grows() bool { return true }

func (t table) height(pg *page, width float32) (h float32) {
	for _, l := range t {
		h += l.height(pg, width)
	}
	return h
}

func (t table) place(pg *page, r rect) {
	y := r.y
	for _, l := range t {
		h := l.height(pg, r.w)
		l.place(pg, rect{r.x, y, r.w, h})
		y += h
	}
}

func (pg *page) action(a ui.Action) string {
	if a.Key == "" {
		return a.Text
	}
	return pg.t(a.Key, pg.pairs(a.Args)...)
}

// row is a row's text, with its values in local form.
func (pg *page) row(r ui.Row) string {
	if r.Key == "" {
		return pg.p.Piece(r.Text)
	}
	return strings.TrimSpace(pg.t(r.Key, pg.pairs(r.Args)...))
}

func (pg *page) pairs(args []ui.Arg) (out []any) {
	for _, a := range args {
		out = append(out, a.Name, pg.value(a))
	}
	return out
}

// value is a value in local form.
func (pg *page) value(a ui.Arg) string {
	switch {
	case a.Key != "":
		return pg.t(a.Key)
	case a.Currency != "":
		return pg.p.Decimal(a.Number, a.Currency)
	case a.Number != "" && a.Unit != "":
		return pg.p.Quantity(a.Number, a.Unit)
	case a.Number != "":
		return pg.p.Number(a.Number)
	case a.Money != nil:
		return pg.p.Money(*a.Money)
	case a.Energy != nil && *a.Energy%1000 == 0:
		return pg.p.Energy(*a.Energy, 0)
	case a.Energy != nil:
		return pg.p.Energy(*a.Energy, 3)
	case a.Power != nil:
		return pg.p.Power(*a.Power)
	case a.At != nil:
		return pg.p.Minute(*a.At)
	}
	return pg.p.Piece(a.Text)
}

func (pg *page) state(s string) color.NRGBA {
	return map[string]color.NRGBA{"ok": pg.good, "warn": pg.amber, "bad": pg.stop, "": pg.ink}[s]
}

// listed is one row: the text, its state in a word on its colour, and a button where there is something to do.
type listed struct{ row ui.Row }

func (l listed) parts(pg *page, width float32) (words []line, state line) {
	room := width
	if key := "staff.state." + l.row.State; l.row.State != "" {
		state = pg.font(pg.u(max(3.1, 3.3*min(pg.factor, 1.2))), true).plain(pg.t(key), pg.script)
		room -= state.width + pg.u(5)
	}
	if l.row.Do != nil {
		room -= pg.u(44)
	}
	return pg.font(pg.em(caption, min(pg.factor, 1.2)), false).lines(pg.row(l.row), pg.script, room), state
}

// rowGap is the space of a row above its words, and again below.
const rowGap = 0.6

func (l listed) height(pg *page, width float32) float32 {
	words, _ := l.parts(pg, width)
	h := height(words) + 2*pg.u(rowGap)
	if l.row.Do != nil {
		h = max(h, pg.u(target+between))
	}
	return h
}

func (l listed) place(pg *page, r rect) {
	words, state := l.parts(pg, r.w)
	hair := canvas.NewRectangle(pg.hair)
	pg.add(at(hair, r.x, r.y+r.h-1, r.w, 1))
	text, right := rect{r.x, r.y + (r.h-height(words))/2, r.w, r.h}, r.x+r.w
	left := r.x
	if a := l.row.Do; a != nil {
		size := fyne.NewSize(pg.u(42), pg.u(target))
		bx := right - size.Width
		if pg.right {
			bx = r.x
		}
		do := label{text: pg.action(*a), tap: pg.act(ui.StaffDo, a.Value)}
		em := pg.together([]label{do}, func(int) fyne.Size { return size })
		pg.button(do, fyne.NewPos(bx, r.y+(r.h-size.Height)/2), size, em)
		right, left = right-pg.u(44), left+pg.u(44)
	}
	if l.row.State != "" {
		tone := pg.tone(l.row.State)
		w, h := state.width+pg.u(3), state.height()+pg.u(0.6)
		x := right - w
		if pg.right {
			x = left
		}
		fill := canvas.NewRectangle(tone.fill)
		fill.CornerRadius = pg.u(1)
		y := r.y + (r.h-h)/2
		pg.add(at(fill, x, y, w, h))
		pg.behind = tone.fill
		pg.put(state, x+pg.u(1.5), y+pg.u(0.3), tone.ink)
		pg.behind = pg.ground
	}
	pg.texts(words, text, start, pg.ink)
	said := pg.row(l.row)
	if l.row.State != "" {
		said += pg.t("join.comma") + pg.t("staff.state."+l.row.State)
	}
	pg.pic.Spoken = append(pg.pic.Spoken, said)
}

// tone is that of a state.
func (pg *page) tone(state string) tone {
	return map[string]tone{"ok": pg.success, "warn": pg.warn, "bad": pg.danger}[state]
}

// chart is plain bars with their amounts.
type chart []ui.Bar

func (c chart) grows() bool { return true }

func (c chart) height(pg *page, _ float32) float32 { return pg.u(22) }

func (c chart) place(pg *page, r rect) {
	most := int64(1)
	for _, b := range c {
		most = max(most, b.Money.Minor)
	}
	f := pg.font(pg.em(caption, 0.79), false)
	foot := f.lines("0", pg.script, r.w)[0].height() * 1.2
	w := r.w / float32(len(c))
	h := min(r.h, pg.u(60))
	top := r.y + (r.h-h)/2
	for i, b := range c {
		x := r.x + float32(i)*w
		high := max(pg.u(0.5), (h-foot)*float32(b.Money.Minor)/float32(most))
		bar := canvas.NewRectangle(pg.accent)
		pg.add(at(bar, x+w*0.15, top+h-foot-high, w*0.7, high))
		l := f.lines(b.Label, pg.script, r.w)
		if every := int(widest(l)*1.3/w) + 1; i%every == 0 {
			pg.texts(l, rect{x + (w-widest(l))/2, top + h - foot, widest(l), foot}, start, pg.soft)
		}
	}
}
