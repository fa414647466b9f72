package paper

import "slices"

// Column is one of a table's. Number stands at the far side of its column, as numbers do.
type Column struct {
	Head   string
	Number bool
}

// gap is between two columns, in millimetres.
const gap = 3

// Table writes rows under a head that each page repeats. What is wider than its column is broken into lines. Sums stand
// below a rule, in bold.
func (s *Sheet) Table(columns []Column, rows, sums [][]string) {
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = c.Head
	}
	wide := s.columns(columns, heads, rows, sums)
	head := func() {
		s.row(columns, wide, heads, true)
		s.Rule()
	}
	s.Room(4 * Small * lead * point)
	head()
	for _, r := range rows {
		if s.y+s.high(wide, r, false) > s.bottom {
			s.page()
			head()
		}
		s.row(columns, wide, r, false)
	}
	for i, r := range sums {
		if i == 0 {
			s.Room(s.high(wide, r, true) + 4)
			s.Rule()
		}
		s.row(columns, wide, r, true)
	}
}

// columns are the widths: what the widest cell needs, and where that is too much for the page, less for those that need
// the most.
func (s *Sheet) columns(columns []Column, heads []string, rows, sums [][]string) []float64 {
	need := make([]float64, len(columns))
	look := func(cells []string, bold bool) {
		for i, c := range cells {
			need[i] = max(need[i], s.wide(s.runs(c), Small, bold))
		}
	}
	look(heads, true)
	for _, r := range rows {
		look(r, false)
	}
	for _, r := range sums {
		look(r, true)
	}
	return fitted(need, s.width-gap*float64(len(columns)-1))
}

// fitted are widths that fit into a room: none is more than a limit, which is as large as it can be.
func fitted(need []float64, room float64) []float64 {
	limit, left := room, room
	for i, n := range slices.Sorted(slices.Values(need)) { // the narrow ones get what they need
		limit = left / float64(len(need)-i)
		if n > limit {
			break
		}
		left -= n
		limit = room
	}
	for i := range need {
		need[i] = min(need[i], limit)
	}
	return need
}

// row writes cells side by side.
func (s *Sheet) row(columns []Column, wide []float64, cells []string, bold bool) {
	lines := make([][]string, len(cells))
	most := 1
	for i, c := range cells {
		lines[i] = s.broken(c, wide[i]+.01, Small, bold)
		most = max(most, len(lines[i]))
	}
	high := Small * lead * point
	x := s.edge
	if s.right {
		x = s.edge + s.width
	}
	for i := range cells {
		left := x
		if s.right {
			left = x - wide[i]
		}
		for n, line := range lines[i] {
			s.put(left, wide[i], line, s.y+high*(float64(n)+0.75), Small, bold, columns[i].Number != s.right)
		}
		if s.right {
			x -= wide[i] + gap
		} else {
			x += wide[i] + gap
		}
	}
	s.y += high * float64(most)
}

// high is how much of the page a row takes.
func (s *Sheet) high(wide []float64, cells []string, bold bool) float64 {
	most := 1
	for i, c := range cells {
		most = max(most, len(s.broken(c, wide[i]+.01, Small, bold)))
	}
	return float64(most) * Small * lead * point
}
