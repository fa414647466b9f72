package kiosk

import "strings"

// Lengths of a card number (ISO/IEC 7812).
const (
	shortestPAN = 12
	longestPAN  = 19
	commonPAN   = 16
)

// MaskNumbers puts asterisks in place of each digit of what may be a card number: 12 to 19 digits
// with a right check digit (ISO/IEC 7812-1, annex B), written together or in groups.
func MaskNumbers(s string) string {
	runes := []rune(s)
	var at, group []int // of each digit of a run: where it stands, and of which group it is
	flush := func() {
		for _, span := range numbers(runes, at, group) {
			for _, i := range at[span[0]:span[1]] {
				runes[i] = '*'
			}
		}
		at, group = nil, nil
	}
	gap, groups := 0, 0
	for i, r := range runes {
		switch {
		case '0' <= r && r <= '9':
			if gap > 0 {
				groups++
			}
			at, group, gap = append(at, i), append(group, groups), 0
		case gap < longestGap && strings.ContainsRune(" -.\n\u00a0", r):
			gap++
		default:
			flush()
			gap = 0
		}
	}
	flush()
	return string(runes)
}

// longestGap is how many characters may stand between two groups of one number.
const longestGap = 2

// numbers finds what may be card numbers in a run of digits: between the ends of groups, or
// anywhere in a group where it has the common length, or the group is longer than any number is.
func numbers(runes []rune, at, group []int) (spans [][2]int) {
	border := func(i int) bool { return i == 0 || i == len(at) || group[i-1] != group[i] }
	size := map[int]int{}
	for _, g := range group {
		size[g]++
	}
	begins := false
	for from := range at {
		begins = border(from) || begins && runes[at[from-1]] == '0' // it may be filled up
		if runes[at[from]] == '0' {                                 // no number begins so
			continue
		}
		for to := from + shortestPAN; to <= min(len(at), from+longestPAN); to++ {
			alone := group[from] == group[to-1]
			inside := alone && (to-from == commonPAN || size[group[from]] > longestPAN)
			if (inside || begins && border(to)) && luhn(runes, at[from:to]) {
				spans = append(spans, [2]int{from, to})
			}
		}
	}
	return spans
}

func luhn(runes []rune, at []int) bool {
	sum := 0
	for i := range at {
		d := int(runes[at[len(at)-1-i]] - '0')
		if d < 0 || d > 9 { // masked as part of another
			return false
		}
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return sum%10 == 0
}
