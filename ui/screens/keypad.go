package screens

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"kioskd"
	"kioskd/ui"
)

// keypad is the keys of a telephone, in their order, beside what is asked. It is no picture of a PIN pad, which people
// have learnt to trust with their card's number: on a panel of seven inches its last row stands in the foot, where what
// can be done stands otherwise, and that stands below what is asked.
type keypad struct{ keys [12]label }

// digits are the ten digits, a key that takes the last one back, and one more or none.
func (pg *page) digits(last label) keypad {
	var k keypad
	for i := range 9 {
		d := itoa(i + 1)
		k.keys[i] = label{text: d, key: true, tap: pg.act(ui.Digit, d)}
	}
	k.keys[9] = label{icon: "erase", spoken: pg.t("erase"), style: quiet, tap: pg.act(ui.Erase, "")}
	k.keys[10] = label{text: "0", key: true, tap: pg.act(ui.Digit, "0")}
	k.keys[11] = last
	return k
}

// letterKeys are digits with the letters that stand on the keys of a telephone.
func (pg *page) letterKeys() keypad {
	k := pg.digits(label{})
	for i := range k.keys {
		if d := k.keys[i].text; d != "" {
			apart := " "
			if pg.v.Access.Large {
				apart = ""
			}
			k.keys[i].under = strings.Join(strings.Split(kiosk.PhoneKey(d[0])[1:], ""), apart)
		}
	}
	return k
}

// keyTop is from the edge of such a panel to the first row of keys, in millimetres.
const keyTop = 0.5

// keyRow is from one row of keys to the next, on a panel of seven inches: the foot is the last one.
func (pg *page) keyRow() float32 { return (pg.frame().rail.y - pg.u(keyTop)) / 3 }

// wide is how broad a key is.
func (k keypad) wide(pg *page) float32 {
	if pg.portrait() {
		n := float32(k.columns(pg))
		return (pg.frame().body.w - (n-1)*pg.u(between)) / n
	}
	if pg.small() {
		return (pg.frame().foot.w - 2*pg.u(between)) / 3
	}
	return pg.u(34)
}

func (k keypad) beside(pg *page) (float32, align) { return 3*k.wide(pg) + 2*pg.u(between), end }

// columns is three, as on a telephone; on a tall panel four, for a visitor who needs it lower.
func (k keypad) columns(pg *page) int {
	if pg.portrait() && pg.v.Access.Large {
		return 4
	}
	return 3
}

// order is where a key stands in so many columns: what is not 1 to 9 at the end of a row of four.
func (k keypad) order(columns int) [12]label {
	if columns == 3 {
		return k.keys
	}
	var out [12]label
	for i, at := range []int{0, 1, 2, 4, 5, 6, 8, 9, 10, 3, 7, 11} {
		out[at] = k.keys[i]
	}
	return out
}

func (k keypad) height(pg *page, _ float32) float32 {
	if pg.small() {
		return pg.u(2 * target)
	}
	rows := float32(12 / k.columns(pg))
	return rows*pg.u(target) + (rows-1)*pg.u(between)
}

func (k keypad) words(*page) []block { return nil }

func (k keypad) place(pg *page, r rect) {
	w, high, row, top := k.wide(pg), pg.u(target), pg.keyRow(), pg.u(keyTop)
	columns := k.columns(pg)
	if rows := float32(12 / columns); !pg.small() {
		high = min(pg.u(target+8), (r.h-(rows-1)*pg.u(between))/rows)
		row = high + pg.u(between)
		top = r.y + (r.h-rows*row+pg.u(between))/2
	}
	if pg.small() {
		r.x = pg.frame().foot.x
	}
	size := fyne.NewSize(w, high)
	var worded []label
	for _, l := range k.keys {
		if l.text != "" {
			worded = append(worded, l)
		}
	}
	em := pg.together(worded, func(int) fyne.Size { return size })
	for i, l := range k.order(columns) {
		if l.tap.run == nil {
			continue
		}
		x := r.x + float32(i%columns)*(w+pg.u(between))
		pg.button(l, fyne.NewPos(x, top+float32(i/columns)*row), size, em)
	}
}

// ask lays out a page with keys: what is asked, how much of it was entered, and what can be done.
func (pg *page) ask(k keypad, blocks ...block) {
	pg.dense = true
	pg.side = k
	pg.block(blocks...)
	if !pg.small() {
		return
	}
	pg.block(row(pg.feet))
	pg.feet = nil
}

// askCode asks a driver for a code: a title, what is to be done or what was wrong, and how much was entered. An alarm
// takes the title's place, and the answer to a code that of the empty discs.
func (pg *page) askCode(k keypad, title string, n entered) {
	answered := pg.v.Message != ""
	says := pg.say(pg.t(pg.v.Key(), "N", pg.v.Bay))
	says.bold, says.nice = answered, pg.v.Access.Large && !answered
	var blocks []block
	if len(pg.alerts) == 0 {
		blocks = append(blocks, pg.head(title))
	}
	blocks = append(blocks, says)
	if !answered || n.n > 0 {
		blocks = append(blocks, n)
	}
	pg.ask(k, blocks...)
}

// row is what can be done, where the foot has keys: an arrow for the way back, and one thing more.
type row []label

func (row) height(pg *page, _ float32) float32 { return pg.u(target) }

func (l row) place(pg *page, r rect) { pg.buttons(l, rect{r.x, r.y, r.w, pg.u(target)}) }

// entered shows how much of a code was entered: a disc a character.
type entered struct{ n, of int }

func (e entered) height(pg *page, _ float32) float32 { return pg.u(8) }

func (e entered) place(pg *page, r rect) {
	step := min(pg.u(10), r.w/float32(max(1, e.of)))
	edge := step * 0.66
	for i := range e.of {
		disc := canvas.NewRectangle(color.Transparent)
		disc.StrokeColor, disc.StrokeWidth, disc.CornerRadius = pg.ink, pg.u(0.5), edge/2
		if i < e.n {
			disc.FillColor = pg.ink
		}
		pg.add(at(disc, pg.along(r, float32(i)*step, edge), r.y+(r.h-edge)/2, edge, edge))
	}
}
