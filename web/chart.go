package web

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/report/dispute"
)

// svg is a drawing in its making. Its texts are escaped; its colours are those of the page's style.
type svg struct {
	strings.Builder
	width, height int
}

func newSVG(width, height int, label string) *svg {
	d := &svg{width: width, height: height}
	fmt.Fprintf(d, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height,
		template.HTMLEscapeString(label))
	return d
}

func (d *svg) rect(x, y, w, h int, class, title string) {
	fmt.Fprintf(d, `<rect x="%d" y="%d" width="%d" height="%d" rx="2" class="%s"><title>%s</title></rect>`, x, y, w, h,
		class, template.HTMLEscapeString(title))
}

func (d *svg) text(x, y int, anchor, s string) {
	fmt.Fprintf(d, `<text x="%d" y="%d" text-anchor="%s">%s</text>`, x, y, anchor, template.HTMLEscapeString(s))
}

func (d *svg) line(x1, y1, x2, y2 int) {
	fmt.Fprintf(d, `<line x1="%d" y1="%d" x2="%d" y2="%d"/>`, x1, y1, x2, y2)
}

func (d *svg) done() template.HTML { return template.HTML(d.String() + "</svg>") }

// dayChart draws what was captured each day, in the kiosk's currency.
func (v *view) dayChart(ctx context.Context, b *report.Book, w report.Window) (template.HTML, error) {
	groups, err := b.RevenueBy(ctx, w, report.ByDay)
	if err != nil {
		return "", err
	}
	from, err := time.Parse(time.DateOnly, w.From)
	if err != nil {
		return "", nil // a window without a first day has no drawing
	}
	to, err := time.Parse(time.DateOnly, w.To)
	if err != nil {
		return "", nil
	}
	taken, most := map[string]kiosk.Money{}, int64(1)
	for _, g := range groups {
		if g.Currency == v.Now.Currency {
			taken[g.Group] = g.Captured
			most = max(most, g.Captured.Minor)
		}
	}
	days := int(to.Sub(from).Hours()/24) + 1
	if days < 1 || days > 400 {
		return "", nil
	}
	const width, height, foot = 760, 190, 24
	d := newSVG(width, height, v.T("report.revenue")+" "+v.Span(v.Day(from), v.Day(to)))
	for i := 1; i <= 3; i++ {
		d.line(0, (height-foot)*i/4, width, (height-foot)*i/4)
	}
	wide := max(width/max(days, 12), 1)
	for i := range days {
		at := from.AddDate(0, 0, i)
		m, sold := taken[at.Format(time.DateOnly)]
		if !sold || m.Minor <= 0 {
			continue
		}
		h := max(int(m.Minor*(height-foot-8)/most), 2)
		class := "bar"
		if i == days-1 {
			class = "bar last"
		}
		d.rect(i*wide, height-foot-h, max(wide-max(wide/6, 1), 1), h, class, v.Day(at)+": "+v.Money(m))
	}
	d.line(0, height-foot, width, height-foot)
	d.text(0, height-6, "start", v.Day(from))
	d.text(width, height-6, "end", v.Day(to))
	return d.done(), nil
}

// heat draws how the hours of the week are used, all bays together.
func (v *view) heat(ctx context.Context, b *report.Book, w report.Window) (template.HTML, error) {
	use, err := b.Use(ctx, w, len(v.Now.Bays), v.server.now())
	if err != nil {
		return "", err
	}
	const left, cell, high = 40, 20, 18
	d := newSVG(left+24*cell, 7*high+22, v.T("web.use"))
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for day, hours := range use {
		name := v.Weekday(monday.AddDate(0, 0, day).Weekday())
		d.text(0, day*high+13, "start", name)
		for hour, share := range hours {
			step := 0
			if share.Whole > 0 {
				step = min((share.Part*10+share.Whole-1)/share.Whole, 10)
			}
			d.rect(left+hour*cell, day*high, cell-2, high-2, fmt.Sprintf("heat h%d", step),
				fmt.Sprintf("%s %d:00 %s %%", name, hour, v.Number(zero(share.String()))))
		}
	}
	for hour := 0; hour < 24; hour += 6 {
		d.text(left+hour*cell, 7*high+14, "start", fmt.Sprintf("%d:00", hour))
	}
	return d.done(), nil
}

// zero is what an hour has in which nothing was measured, as it is shown.
func zero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// curve draws the power of a session over its time.
func (v *view) curve(steps []dispute.Step, zone *time.Location) template.HTML {
	var from, to time.Time
	most, n := kiosk.Power(1), 0
	for _, s := range steps {
		if s.Reading == nil {
			continue
		}
		if n == 0 {
			from = s.At
		}
		to, n = s.At, n+1
		most = max(most, s.Reading.Power)
	}
	lasted := to.Sub(from)
	if n < 3 || lasted <= 0 {
		return ""
	}
	const width, height, foot = 760, 170, 24
	d := newSVG(width, height, v.T("charging.power"))
	for i := 1; i <= 3; i++ {
		d.line(0, (height-foot)*i/4, width, (height-foot)*i/4)
	}
	d.WriteString(`<polyline class="curve" points="`)
	for _, s := range steps {
		if s.Reading != nil {
			x := int(s.At.Sub(from) * width / lasted)
			y := height - foot - int(int64(max(s.Reading.Power, 0))*int64(height-foot-20)/int64(most))
			fmt.Fprintf(d, "%d,%d ", x, y)
		}
	}
	d.WriteString(`"/>`)
	d.text(0, 12, "start", v.Power(most))
	d.text(0, height-6, "start", v.Clock(from.In(zone)))
	d.text(width, height-6, "end", v.Clock(to.In(zone)))
	return d.done()
}
