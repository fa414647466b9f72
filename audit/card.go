package audit

// CardNumber finds the first thing in a file that can be a card number (ISO/IEC 7812):
// 13 to 19 digits of text in a row that begin like a bank card and pass the check digit.
// It returns -1 where there is none. Digits that a letter touches are part of a
// hexadecimal or other id.
func CardNumber(data []byte) int {
	run := 0
	for i := 0; i <= len(data); i++ {
		if i < len(data) && data[i] >= '0' && data[i] <= '9' {
			run++
			continue
		}
		if run >= 13 && run <= 19 && !(i < len(data) && letter(data[i])) && !(i > run && letter(data[i-run-1])) &&
			isCard(data[i-run:i]) {
			return i - run
		}
		run = 0
	}
	return -1
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func isCard(digits []byte) bool {
	switch digits[0] {
	case '3', '4', '5', '6':
	default:
		return false
	}
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
