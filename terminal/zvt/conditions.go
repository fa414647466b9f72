package zvt

import "slices"

// Condition is what a terminal's status says, and what cures it.
type Condition struct {
	Code  byte
	Ready bool
	Text  string
	// Cure is the class and instruction of the command that the terminal asks for and that does no
	// harm; nil where there is none, or a person must do it.
	Cure *Instruction
}

// Instruction is a command's class and instruction.
type Instruction [2]byte

// Commands that a status asks for.
var (
	Initialisation = &Instruction{0x06, 0x93}
	Diagnosis      = &Instruction{0x06, 0x70}
	Activation     = &Instruction{0x08, 0x20}
)

// conditions is the table of terminal statuses (PA00P015, status enquiry 05 01): its codes are not
// those of results, although they share numbers. The day's end (F0) is the site's to decide.
var conditions = []Condition{
	{0x00, true, "ready", nil},
	{0x51, false, "initialisation required", Initialisation},
	{0x62, false, "date and time are wrong", Diagnosis},
	{0x64, false, "card is not in its place", nil},
	{0x65, false, "activation required", Activation},
	{0x9C, false, "busy", nil},
	{0x9D, false, "part of the goods issued", nil},
	{0xB1, false, "memory full: end-of-day required", nil},
	{0xB2, false, "merchant journal full", nil},
	{0xBF, false, "power low", nil},
	{0xC0, false, "out of order", nil},
	{0xC1, false, "merchant card locked, or date and time are wrong", Diagnosis},
	{0xC2, false, "diagnosis required", Diagnosis},
	{0xC4, false, "card profiles invalid: configuration required", nil},
	{0xCC, false, "printer not ready", nil},
	{0xDC, false, "card still inserted", nil},
	{0xDF, false, "out of order", nil},
	{0xE0, false, "maintenance or update is running", nil},
	{0xE1, false, "card is to be removed", nil},
	{0xE2, false, "card reader defective", nil},
	{0xE3, false, "shutter defective", nil},
	{0xE4, false, "start-up by the maker required", nil},
	{0xF0, false, "end-of-day required", nil},
	{0xF6, false, "personalisation required", nil},
}

// isCondition tells whether the specification has a terminal status.
func isCondition(code byte) bool {
	return slices.ContainsFunc(conditions, func(c Condition) bool { return c.Code == code })
}

// ConditionOf is the meaning of a terminal status.
func ConditionOf(code byte) Condition {
	for _, c := range conditions {
		if c.Code == code {
			return c
		}
	}
	return Condition{Code: code, Text: "status " + hexByte(code)}
}
