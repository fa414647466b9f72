package screens

import (
	"bytes"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"

	"kioskd/receipt"
	"kioskd/ui"
	"kioskd/ui/text"
)

// Drawer draws views.
type Drawer struct {
	Texts *text.Catalogues
	Send  func(ui.Input) // gets what a finger did
}

// page is a screen under construction.
type page struct {
	scale
	v      ui.View
	p      *text.Printer
	send   func(ui.Input)
	body   *fyne.Container // grows downwards in the middle
	feet   []fyne.CanvasObject
	narrow bool // there are three of them
}

// Draw makes the whole picture of a view for a size of the panel.
func (d *Drawer) Draw(v ui.View, size fyne.Size) fyne.CanvasObject {
	pg := &page{scale: scale{size.Width, size.Height}, v: v, p: d.Texts.Printer(v.Language), send: d.Send, body: container.NewVBox()}
	draw := map[ui.Screen]func(*page){
		ui.Attract: (*page).attract, ui.Bays: (*page).bays, ui.Price: (*page).price, ui.Tap: (*page).tap, ui.Wait: (*page).wait,
		ui.PlugIn: (*page).plugIn, ui.Charging: (*page).charging, ui.Owner: (*page).owner, ui.StopAsk: (*page).stopAsk, ui.Final: (*page).final,
		ui.Declined: (*page).declined, ui.OutOfOrder: (*page).closed,
	}[v.Screen]
	if draw == nil {
		draw = (*page).closed
	}
	draw(pg)
	foot := container.NewHBox(layout.NewSpacer())
	for _, f := range pg.feet {
		foot.Add(f)
		foot.Add(layout.NewSpacer())
	}
	inner := container.NewBorder(pg.top(), foot, nil, nil, container.NewVBox(layout.NewSpacer(), pg.body, layout.NewSpacer()))
	return container.NewStack(canvas.NewRectangle(ground), container.New(layout.NewCustomPaddedLayout(pg.size(0.02), pg.size(0.03), pg.size(0.03), pg.size(0.03)), inner))
}

func (pg *page) width() float32 { return pg.w - pg.size(0.08) }

func (pg *page) act(k ui.InputKind, value string) func() {
	seq := pg.v.Seq
	return func() { pg.send(ui.Input{Seq: seq, Kind: k, Value: value}) }
}

// top has the site's name, the helpline and a button for each other language, on every
// screen in the same corner.
func (pg *page) top() fyne.CanvasObject {
	row := container.NewHBox(pg.label(pg.v.Site, small, soft, pg.w*0.35), layout.NewSpacer())
	if pg.v.Helpline != "" {
		row.Add(pg.label(pg.p.T("help", "Phone", pg.v.Helpline), small, soft, pg.w*0.4))
	}
	row.Add(layout.NewSpacer())
	for _, lang := range pg.v.Languages {
		if lang == pg.v.Language {
			continue
		}
		name := ownNames[lang]
		row.Add(pg.button(name, panel, ink, fyne.NewSize(pg.size(0.30), pg.size(0.11)), pg.act(ui.Language, lang)))
	}
	return row
}

// ownNames are the languages' own names.
var ownNames = map[string]string{"en": "English", "de": "Deutsch"}

func (pg *page) title(key string, pairs ...any) {
	pg.body.Add(pg.lines(pg.p.T(key, pairs...), large, ink, pg.width()))
}

func (pg *page) say(text string, part float32, c ...color.Color) {
	colour := color.Color(soft)
	if len(c) > 0 {
		colour = c[0]
	}
	pg.body.Add(pg.lines(text, part, colour, pg.width()))
}

// foot adds a button below; the main one is bright.
func (pg *page) foot(key string, main bool, tap func()) {
	fill, on := color.Color(panel), color.Color(ink)
	if main {
		fill, on = accent, ground
	}
	pg.feet = append(pg.feet, pg.button(pg.p.T(key), fill, on, pg.footSize(), tap))
}

func (pg *page) footSize() fyne.Size {
	if pg.narrow {
		return fyne.NewSize(pg.w*0.29, pg.size(0.17))
	}
	return fyne.NewSize(pg.w*0.42, pg.size(0.17))
}

func (pg *page) attract() {
	if len(pg.v.Prices) > 0 {
		pr := pg.v.Prices[0]
		pg.body.Add(pg.label(pg.p.Decimal(pr.Amount, pg.v.Hold.Currency), huge, accent, pg.width()))
		pg.say(pg.p.T("price."+pr.Dimension), mid)
	}
	free := 0
	for _, b := range pg.v.Bays {
		if b.State == ui.BayFree || b.State == ui.BayPlugged {
			free++
		}
	}
	pg.say(pg.p.T("attract.free", "N", free), mid, good)
	pg.feet = append(pg.feet, pg.button(pg.p.T("attract.start"), accent, ground, fyne.NewSize(pg.w*0.8, pg.size(0.22)), pg.act(ui.Touch, "")))
}

func (pg *page) bays() {
	pg.title("bays.title")
	columns := min(4, len(pg.v.Bays))
	rows := (len(pg.v.Bays) + columns - 1) / columns
	tile := fyne.NewSize(pg.width()/float32(columns)-pg.size(0.02), pg.size(0.42)/float32(rows))
	grid := container.NewGridWithColumns(columns)
	for _, b := range pg.v.Bays {
		fill, on, tap := color.Color(panel), color.Color(ink), pg.act(ui.Choose, strconv.Itoa(b.Number))
		switch b.State {
		case ui.BayPlugged:
			fill, on = accent, ground
		case ui.BayFree:
			fill, on = good, ground
		case ui.BayBroken:
			on, tap = alarm, nil
		}
		t := pg.button(pg.p.T("bay", "N", b.Number), fill, on, tile, tap)
		t.under = pg.label(pg.p.T("bay."+string(b.State)), small, on, tile.Width*0.92)
		grid.Add(t)
	}
	pg.body.Add(grid)
	pg.foot("back", false, pg.act(ui.Back, ""))
}

func (pg *page) price() {
	pg.title("price.title", "N", pg.v.Bay)
	for i, pr := range pg.v.Prices {
		part, c := float32(mid), color.Color(ink)
		if i == 0 {
			part, c = large*1.3, accent
		}
		s := pg.p.Decimal(pr.Amount, pg.v.Hold.Currency) + " " + pg.p.T("price."+pr.Dimension)
		if pr.AfterMin > 0 {
			s += " " + pg.p.T("price.after", "N", pr.AfterMin)
		}
		if pr.From != "" {
			s += fmt.Sprintf(" (%s-%s)", pr.From, pr.To)
		}
		pg.say(s, part, c)
	}
	pg.say(pg.p.T("price.hold", "Amount", pg.p.Money(pg.v.Hold)), mid, ink)
	pg.say(pg.p.T("price.only_used")+" · "+pg.p.T("price.tax"), small)
	pg.narrow = len(pg.v.Limits) > 1
	pg.foot("back", false, pg.act(ui.Back, ""))
	if pg.narrow {
		pg.limit()
	}
	pg.foot("price.pay", true, pg.act(ui.Accept, ""))
}

// limit has a button that goes through the limits that a driver may set.
func (pg *page) limit() {
	next, name := 1, pg.p.T("price.no_limit")
	for i, l := range pg.v.Limits {
		if l == pg.v.Limit {
			next = (i + 1) % len(pg.v.Limits)
		}
	}
	switch l := pg.v.Limit; {
	case l.Cost.Minor > 0:
		name = pg.p.T("price.limit", "Limit", pg.p.Money(l.Cost))
	case l.Energy > 0:
		name = pg.p.T("price.limit", "Limit", pg.p.Energy(l.Energy, 0))
	}
	pg.feet = append(pg.feet, pg.button(name, panel, ink, pg.footSize(), pg.act(ui.SetLimit, strconv.Itoa(next))))
}

func (pg *page) tap() {
	pg.body.Add(container.NewCenter(card(pg.scale)))
	pg.title("tap.title")
	pg.say(pg.p.T("tap.hold", "Amount", pg.p.Money(pg.v.Hold)), mid, accent)
	if key := pg.v.Key(); key != "tap.title" {
		pg.say(pg.p.T(key), mid, ink)
	}
	pg.foot("cancel", false, pg.act(ui.Back, ""))
}

// card is the outline of a card with its chip.
func card(s scale) fyne.CanvasObject {
	outline := canvas.NewRectangle(panel)
	outline.StrokeColor, outline.StrokeWidth, outline.CornerRadius = ink, s.size(0.008), s.size(0.02)
	outline.SetMinSize(fyne.NewSize(s.size(0.34), s.size(0.21)))
	chip := canvas.NewRectangle(accent)
	chip.CornerRadius = s.size(0.008)
	chip.SetMinSize(fyne.NewSize(s.size(0.06), s.size(0.05)))
	return container.NewStack(outline, container.NewCenter(chip))
}

func (pg *page) wait() {
	pg.title("wait.title")
	pg.say(pg.p.T(pg.v.Key()), mid)
	pg.reference()
}

func (pg *page) reference() {
	if pg.v.Reference != "" {
		pg.say(pg.v.Reference, small)
	}
}

func (pg *page) plugIn() {
	held := "plug_in.held"
	if pg.v.Partial {
		held = "plug_in.partial"
	}
	pg.say(pg.p.T(held, "Amount", pg.p.Money(pg.v.Approved)), mid, good)
	pg.title("plug_in.title", "N", pg.v.Bay)
	if pg.v.Message == "starting" {
		pg.say(pg.p.T("plug_in.starting"), mid, accent)
		return
	}
	pg.say(pg.p.T("plug_in.left", "N", pg.v.Seconds), mid)
	if pg.v.StopCode != "" {
		pg.say(pg.p.T("stop_code", "Code", pg.v.StopCode), small, ink)
	}
	pg.foot("cancel", false, pg.act(ui.Back, ""))
}

func (pg *page) charging() {
	pg.title("charging.title", "N", pg.v.Bay)
	pg.body.Add(pg.label(pg.p.Energy(pg.v.Energy, 2), huge*0.7, accent, pg.width()))
	pg.body.Add(pg.label(pg.p.Money(pg.v.Cost), large, ink, pg.width()))
	pg.say(pg.p.Power(pg.v.Power)+" · "+pg.p.Duration(pg.v.Elapsed), mid)
	if key := pg.v.Key(); key != "charging.title" {
		fee := ""
		if pg.v.Idle != nil {
			fee = pg.p.Decimal(pg.v.Idle.Amount, pg.v.Hold.Currency)
		}
		pg.say(pg.p.T(key, "N", (pg.v.IdleFree+59)/60, "Amount", fee), mid, good)
	}
	end := pg.p.Money(pg.v.Approved)
	switch l := pg.v.Limit; {
	case l.Cost.Minor > 0:
		end = pg.p.Money(l.Cost)
	case l.Energy > 0:
		end = pg.p.Energy(l.Energy, 0)
	}
	limit := pg.p.T("charging.limit", "Amount", end)
	if pg.v.StopCode != "" {
		limit += " · " + pg.p.T("stop_code", "Code", pg.v.StopCode)
	}
	pg.say(limit, small)
	pg.foot("charging.others", false, pg.act(ui.Back, ""))
	pg.foot("charging.stop", true, pg.act(ui.Stop, ""))
}

// owner has keys for the stop code.
func (pg *page) owner() {
	pg.title("owner.title", "N", pg.v.Bay)
	if pg.v.Message != "" {
		pg.say(pg.p.T(pg.v.Key(), "N", pg.v.Bay), mid, accent)
	} else {
		pg.say(pg.p.T(pg.v.Key())+"  "+strings.Repeat("● ", pg.v.Digits)+strings.Repeat("○ ", max(0, 4-pg.v.Digits)), mid, ink)
	}
	keys := container.NewGridWithColumns(5)
	size := fyne.NewSize(pg.width()/5-pg.size(0.03), pg.size(0.14))
	for _, digit := range "1234567890" {
		keys.Add(pg.button(string(digit), panel, ink, size, pg.act(ui.Digit, string(digit))))
	}
	if pg.v.Message != "locked" {
		pg.body.Add(keys)
	}
	pg.foot("back", false, pg.act(ui.Back, ""))
	if pg.v.ByCard && pg.v.Message != "locked" && pg.v.Message != "asked" {
		pg.foot("owner.card", true, pg.act(ui.ShowCard, ""))
	}
}

func (pg *page) stopAsk() {
	pg.title("stop.title", "N", pg.v.Bay)
	pg.say(pg.p.Energy(pg.v.Energy, 2)+" · "+pg.p.Money(pg.v.Cost), mid)
	pg.foot("stop.no", false, pg.act(ui.Back, ""))
	pg.foot("stop.yes", true, pg.act(ui.Confirm, ""))
}

func (pg *page) final() {
	if pg.v.Message != "" {
		pg.say(pg.p.T(pg.v.Key()), mid)
	}
	left := container.NewVBox(layout.NewSpacer())
	width := pg.width() * 0.66
	add := func(s string, part float32, c color.Color) { left.Add(pg.lines(s, part, c, width)) }
	if pg.v.Paid.Minor > 0 {
		add(pg.p.T("final.paid", "Amount", pg.p.Money(pg.v.Paid)), large, accent)
		add(pg.p.Energy(pg.v.Energy, 3)+" · "+pg.p.Duration(pg.v.Elapsed), mid, ink)
	} else {
		add(pg.p.T("final.nothing"), large, accent)
	}
	switch {
	case pg.v.Open:
		add(pg.p.T("final.open"), small, soft)
	case pg.v.Settled:
		add(pg.p.T("final.released", "Amount", pg.p.Money(pg.v.Released)), small, good)
		add(pg.p.T("final.bank_days"), small, soft)
	default:
		add(pg.p.T("final.pending"), small, soft)
	}
	add(pg.p.T("final.code", "Code", pg.v.Reference), small, ink)
	left.Add(layout.NewSpacer())
	row := container.NewHBox(layout.NewSpacer(), left, layout.NewSpacer())
	if png, err := receipt.PNG(pg.v.Code); err == nil && pg.v.Code != "" {
		img := canvas.NewImageFromReader(bytes.NewReader(png), "qr.png")
		img.FillMode, img.ScaleMode = canvas.ImageFillContain, canvas.ImageScalePixels
		img.SetMinSize(fyne.NewSquareSize(pg.size(0.38)))
		row.Add(container.NewCenter(img))
		row.Add(layout.NewSpacer())
	}
	pg.body.Add(row)
	pg.foot("final.done", true, pg.act(ui.Back, ""))
}

func (pg *page) declined() {
	pg.title("declined.title")
	pg.say(pg.p.T(pg.v.Key()), mid, ink)
	pg.say(pg.p.T("declined.nothing"), mid, good)
	pg.reference()
	pg.foot("back", !pg.v.Again, pg.act(ui.Back, ""))
	if pg.v.Again {
		pg.foot("declined.again", true, pg.act(ui.Again, ""))
	}
}

func (pg *page) closed() {
	pg.title("closed.title")
	pg.say(pg.p.T(pg.v.Key()), mid)
	if pg.v.Fault == "lost" {
		pg.say(pg.p.T("lost.text"), small)
	} else if pg.v.Fault != "" {
		pg.say(pg.v.Fault, small)
	}
}
