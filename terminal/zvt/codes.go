package zvt

import "fmt"

// results is the table of result and error codes (PA00P015 chapter 10): BMP 27, the
// first byte of an abort, the second of a negative acknowledgement.
var results = []struct {
	from, to byte
	text     string
}{
	{0x00, 0x00, "ok"},
	{0x05, 0x05, "declined"},
	{0x06, 0x06, "card invalid"},
	{0x0E, 0x0E, "card invalid"},
	{0x0A, 0x0A, "not allowed"},
	{0x0D, 0x0D, "amount invalid"},
	{0x0F, 0x0F, "system fault of the host"},
	{0x13, 0x13, "contactless limit reached, PIN needed"},
	{0x18, 0x18, "system fault of the host"},
	{0x19, 0x19, "reversal refused"},
	{0x33, 0x33, "PIN needed"},
	{0x36, 0x36, "card expired"},
	{0x37, 0x38, "PIN wrong"},
	{0x39, 0x39, "wrong card"},
	{0x3A, 0x3A, "system fault of the host"},
	{0x3D, 0x3D, "PIN needed"},
	{0x3F, 0x3F, "system fault of the host"},
	{0x40, 0x40, "amount invalid"},
	{0x41, 0x41, "PIN needed"},
	{0x4C, 0x4C, "system fault of the host"},
	{0x50, 0x50, "card expired"},
	{0x51, 0x51, "PIN or number of the client wrong"},
	{0x56, 0x56, "terminal inactive"},
	{0x57, 0x57, "initialisation required"},
	{0x58, 0x58, "not allowed"},
	{0x59, 0x59, "terminal locked"},
	{0x5B, 0x5D, "system fault of the host"},
	{0x5F, 0x5F, "host says: try again"},
	{0x60, 0x61, "system fault of the host"},
	{0x62, 0x62, "extended diagnosis required"},
	{0x63, 0x63, "system fault of the host"},
	{0x01, 0x63, "declined by the host"},
	{0x64, 0x64, "card unreadable"},
	{0x65, 0x65, "card has no data"},
	{0x66, 0x66, "card reader fault"},
	{0x67, 0x67, "not possible with debit cards"},
	{0x68, 0x68, "not possible with credit cards"},
	{0x6A, 0x6A, "turnover memory full"},
	{0x6B, 0x6B, "not registered"},
	{0x6C, 0x6C, "time-out or stop key"},
	{0x6E, 0x6E, "card is blocked"},
	{0x6F, 0x6F, "wrong currency"},
	{0x71, 0x71, "no credit"},
	{0x72, 0x72, "card chip fault"},
	{0x73, 0x73, "card data wrong"},
	{0x74, 0x74, "DUKPT keys exhausted"},
	{0x75, 0x75, "text not authentic"},
	{0x76, 0x76, "card not on the white list"},
	{0x77, 0x77, "end-of-day not possible"},
	{0x78, 0x78, "card expired"},
	{0x79, 0x79, "card not yet valid"},
	{0x7A, 0x7A, "card unknown"},
	{0x7B, 0x7C, "no fallback to the magnetic stripe"},
	{0x7D, 0x7D, "communication fault"},
	{0x7E, 0x7E, "no fallback to the magnetic stripe"},
	{0x83, 0x83, "not possible now, or unknown command"},
	{0x85, 0x85, "keys missing"},
	{0x89, 0x89, "PIN pad fault"},
	{0x9A, 0x9A, "protocol error"},
	{0x9B, 0x9B, "no connection to the host"},
	{0x9C, 0x9C, "terminal busy"},
	{0x9D, 0x9D, "part of the goods issued"},
	{0xA0, 0xA0, "receiver not ready"},
	{0xA1, 0xA1, "no answer from the host"},
	{0xA3, 0xA3, "no connection to the host"},
	{0xA5, 0xA5, "forbidden by PCI rules"},
	{0xB1, 0xB1, "memory full"},
	{0xB2, 0xB2, "merchant journal full"},
	{0xB4, 0xB4, "already reversed"},
	{0xB5, 0xB5, "reversal not possible"},
	{0xB7, 0xB7, "amount of the pre-authorisation wrong"},
	{0xB8, 0xB8, "pre-authorisation error, or list of open ones"},
	{0xBF, 0xC0, "power low or out of order"},
	{0xC1, 0xC1, "merchant card locked"},
	{0xC2, 0xC2, "diagnosis required"},
	{0xC3, 0xC3, "amount too high"},
	{0xC4, 0xC4, "card profiles invalid"},
	{0xC5, 0xC5, "card scheme not supported"},
	{0xC6, 0xC6, "currency not supported by the card"},
	{0xC8, 0xC9, "amount too small"},
	{0xCB, 0xCB, "card scheme, currency or cashback not supported"},
	{0xCC, 0xCC, "printer not ready"},
	{0xCD, 0xCD, "card scheme, currency or cashback not supported"},
	{0xD2, 0xD2, "not for cards of a service or of bank customers"},
	{0xDC, 0xDC, "card still inserted"},
	{0xDD, 0xDE, "lock or card transport defective"},
	{0xE0, 0xE0, "maintenance is running"},
	{0xE2, 0xE2, "card reader defective"},
	{0xE3, 0xE3, "shutter defective"},
	{0xE4, 0xE4, "start-up required"},
	{0xE7, 0xEA, "goods group not allowed for this fleet card"},
	{0xEB, 0xEC, "PIN needed, but not possible"},
	{0xED, 0xED, "PIN pad fault"},
	{0xF0, 0xF0, "end-of-day outstanding"},
	{0xF1, 0xF1, "fault of an offline girocard payment"},
	{0xF5, 0xF6, "OPT error, or its data missing"},
	{0xFA, 0xFA, "sending offline transactions failed"},
	{0xFB, 0xFB, "record of an offline transaction defective"},
	{0xFC, 0xFC, "part missing, or PIN needed"},
	{0xFD, 0xFE, "baud rate or register unknown"},
	{0xFF, 0xFF, "unknown error"},
}

// ResultText is the English meaning of a result code. The table's ranges are searched
// in order, so a single code stands before the range that holds it.
func ResultText(code byte) string {
	for _, r := range results {
		if r.from <= code && code <= r.to {
			return r.text
		}
	}
	return "error " + hexByte(code)
}

func hexByte(b byte) string { return fmt.Sprintf("%02X", b) }

// statuses is the table of intermediate statuses; +40 means the same with "remove the
// card".
var statuses = []struct {
	code byte
	text string
}{
	{0x00, "waiting for the amount to be confirmed"}, {0x01, "look at the PIN pad"},
	{0x02, "look at the PIN pad"}, {0x03, "not accepted"}, {0x04, "waiting for the host"},
	{0x05, "automatic reversal"}, {0x06, "sending stored bookings"}, {0x07, "card not admitted"},
	{0x08, "card unknown"}, {0x09, "card expired"}, {0x0A, "insert or present the card"},
	{0x0B, "remove the card"}, {0x0C, "card unreadable"}, {0x0D, "aborted"}, {0x0E, "please wait"},
	{0x0F, "automatic end-of-day"}, {0x10, "card invalid"}, {0x11, "balance"}, {0x12, "system fault"},
	{0x13, "payment not possible"}, {0x14, "no credit"}, {0x15, "PIN wrong"}, {0x16, "limit exceeded"},
	{0x17, "please wait"}, {0x18, "PIN tries used up"}, {0x19, "card data wrong"}, {0x1A, "service menu open"},
	{0x1B, "authorised"}, {0x1C, "paid"}, {0x1D, "declined"}, {0x26, "waiting for a mobile number"},
	{0x27, "waiting for a mobile number"}, {0x28, "choose the currency"}, {0x29, "choose the language"},
	{0x2A, "loading the purse"}, {0x2B, "offline emergency mode"}, {0x2C, "choose the application"},
	{0x66, "remove the card"}, {0x67, "remove the card"}, {0x68, "card detected"}, {0x69, "choose the currency"},
	{0xC7, "waiting for the mileage"}, {0xC8, "waiting for the cashier"}, {0xC9, "automatic diagnosis"},
	{0xCA, "automatic initialisation"}, {0xCB, "merchant journal full"}, {0xCC, "PIN needed"}, {0xD2, "dialling"},
	{0xD3, "connected"}, {0xE0, "application is being chosen"}, {0xE1, "language is being chosen"},
	{0xE2, "card to clean the reader with"}, {0xF1, "offline"}, {0xF2, "online"}, {0xF3, "offline transaction"},
	{0xFF, "text of the terminal"},
}

// StatusText is the English meaning of an intermediate status.
func StatusText(code byte) string {
	for _, s := range statuses {
		if s.code == code {
			return s.text
		}
	}
	if code >= 0x41 && code <= 0x5D {
		return StatusText(code-0x40) + ", remove the card"
	}
	return fmt.Sprintf("status %02X", code)
}
