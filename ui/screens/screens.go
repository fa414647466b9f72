// Package screens draws views with Fyne, a file a screen. It owns nothing and decides
// nothing: a view comes in, a picture goes out, a finger becomes an input. Only which page of
// a long list is shown, and where the keypad is, is its own.
//
// Everything is measured in millimetres of the real panel (panel.go): a target is 20 at
// least, type has a scale, and a page is drawn in the largest type at which it has its place
// (page.go). Text is broken by UAX 14 and ordered by UAX 9 (lines.go, fonts.go), and a
// language that is written from the right mirrors the page. No text stands in here: words
// come from ui/text.
//
// The package must never keep what a visitor did, wait, or do anything but send an Input.
package screens

import (
	"strconv"
	"time"

	"fyne.io/fyne/v2"

	"kioskd/ui"
	"kioskd/ui/text"
)

// Drawer draws views.
type Drawer struct {
	Texts       *text.Catalogues
	Send        func(ui.Input) // gets what a finger did
	Redraw      func()         // draws the last view anew; may be nil
	Say         func()         // reads the last view aloud once more; nil where nothing can speak
	Mute        bool           // nothing can read the language aloud: it is not offered
	Millimetres float32        // width of the panel; 0 for a usual one
	Touched     func()         // tells that a finger, and no keypad, is used; may be nil
	// Image is a picture of the host's by its name in the view; nil while there is none. May be nil.
	Image func(name string) *Image
	local local
	known extents
	hand  hand
}

// local is what a drawer remembers of the present screen: nothing that matters.
type local struct {
	screen  ui.Screen
	staff   string
	page    int // of a long list
	menu    int // page of the technician\'s menu
	gesture int
	since   time.Time // of the first touch of a gesture
	redraw  func()
	say     func()
}

// Draw makes the picture of a view for a size of the panel.
func (d *Drawer) Draw(v ui.View, size fyne.Size) *Picture {
	pg := d.page(v, size)
	pg.build()
	pg.draw()
	return pg.pic
}

func (d *Drawer) page(v ui.View, size fyne.Size) *page {
	staff := ""
	if v.Staff != nil { // who works here needs the overview
		staff, v.Access.Large = v.Staff.Page, false
	}
	if d.local.screen != v.Screen || d.local.staff != staff {
		menu := d.local.menu
		if d.local.staff == ui.RoleTechnician {
			menu = d.local.page
		}
		d.local = local{screen: v.Screen, staff: staff, menu: menu}
		if staff == ui.RoleTechnician { // a technician comes back to where they were
			d.local.page = menu
		}
	}
	d.local.redraw, d.local.say, d.hand.touched = d.Redraw, d.Say, d.Touched
	if d.known == nil {
		d.known = extents{}
	}
	images := d.Image
	if images == nil {
		images = func(string) *Image { return nil }
	}
	p := d.Texts.Printer(v.Language)
	return &page{images: images, Panel: NewPanel(size, d.Millimetres),
		script: script{p.Language, p.Right}, look: lookOf(v), p: p,
		all: d.Texts, v: v, local: &d.local, send: d.Send, known: d.known, factor: 1, hand: &d.hand, mute: d.Mute,
		pic: &Picture{Pages: 1, Right: p.Right}}
}

// build lays the blocks of the view's screen out.
func (pg *page) build() {
	draw := map[ui.Screen]func(*page){
		ui.Attract: (*page).attract, ui.Bays: (*page).bays, ui.Price: (*page).price, ui.Limits: (*page).limits,
		ui.Tap: (*page).tap, ui.Wait: (*page).wait,
		ui.PlugIn: (*page).plugIn, ui.Charging: (*page).charging, ui.Idle: (*page).idle, ui.Owner: (*page).owner,
		ui.StopAsk: (*page).stopAsk, ui.Final: (*page).final,
		ui.Declined: (*page).declined, ui.OutOfOrder: (*page).closed, ui.Reader: (*page).reader,
		ui.Offline: (*page).offline, ui.Emergency: (*page).emergency,
		ui.Lost: (*page).lost, ui.BayFault: (*page).bayFault, ui.Languages: (*page).languages, ui.Help: (*page).help,
		ui.AccessAsk: (*page).access,
		ui.Still:     (*page).still, ui.Receipts: (*page).receipts, ui.Found: (*page).found,
		ui.Itemised:  (*page).itemised,
		ui.StaffCode: (*page).staffCode, ui.Technic: (*page).staff, ui.HostPage: (*page).staff,
	}[pg.v.Screen]
	if draw == nil {
		draw = (*page).closed
	}
	pg.alerts = pg.alarms()
	draw(pg)
	pg.raise()
}

// few shows as many of a list as there is room for, with ways to the others before and behind, and which page it is.
func (pg *page) few(labels []label, room int) []label {
	if len(labels) <= room {
		return labels
	}
	if room < 3 { // there is no room for ways to both sides: on from the last is the first
		room = max(1, room-1)
		pg.pic.Pages = (len(labels) + room - 1) / room
		n := pg.local.page % pg.pic.Pages
		return append(append([]label{}, labels[n*room:min((n+1)*room, len(labels))]...),
			label{text: pg.t("more"), under: pg.leaf(n, pg.pic.Pages), style: quiet, tap: pg.nextPage()})
	}
	pages := paged(len(labels), room)
	pg.pic.Pages = len(pages) - 1
	n := pg.local.page % pg.pic.Pages
	turn := func(key, icon, mirrored string, by int) label {
		where := pg.leaf(n, pg.pic.Pages)
		if !pg.v.Access.Large {
			return label{text: pg.t(key), under: where, style: quiet, tap: pg.turnPage(by)}
		}
		if pg.right {
			icon = mirrored
		}
		return label{text: where, icon: icon, spoken: pg.t(key), style: quiet, tap: pg.turnPage(by)}
	}
	var out []label
	if n > 0 {
		out = append(out, turn("before", "arrow_left", "arrow", -1))
	}
	out = append(out, labels[pages[n]:pages[n+1]]...)
	if n < pg.pic.Pages-1 {
		out = append(out, turn("more", "arrow", "arrow_left", 1))
	}
	return out
}

// paged tells where the pages of a list begin, and where the last one ends: the first and the last need room for one
// way to another page, those between for two.
func paged(n, room int) []int {
	starts := []int{0}
	for at := room - 1; at < n; {
		starts = append(starts, at)
		if n-at <= room-1 {
			break
		}
		at += room - 2
	}
	return append(starts, n)
}

func (pg *page) nextPage() touch { return pg.turnPage(1) }

func (pg *page) turnPage(by int) touch {
	l := pg.local
	return touch{run: func() {
		l.page = max(0, l.page+by)
		if l.redraw != nil {
			l.redraw()
		}
	}}
}

// leaf tells which of several leaves is shown.
func (pg *page) leaf(n, of int) string { return pg.p.Piece(itoa(n+1) + "/" + itoa(of)) }

func itoa(n int) string { return strconv.Itoa(n) }
