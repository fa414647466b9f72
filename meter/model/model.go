// Package model is what is known of energy meters: data files that say where the registers of a meter are, what
// they mean, and how the meter is recognised. docs/meters.md describes the form of a file for people, and
// docs/meter.schema.json for their editors. The package asks no device; package meter does, with what stands here.
//
//	file     read whole and checked: each fault with its place; its vectors must come out as they say
//	Model    what a file says
//	Library  all models that a site knows, of which no two can be taken for each other
//	Layout   a model as one device has it: its firmware's variant, and addresses where SunSpec has them
//	Dump     what registers hold
//
// Addresses are those of the protocol, which count from 0 (Modbus Application Protocol V1.1b3, 4.4); the tables of
// many makers count from 1. Numbers are exact until a reading is rounded to whole Wh, W, mV, mA and mHz, once.
package model

import (
	"math/big"
	"time"
)

// Model is what is known of a meter.
type Model struct {
	Vendor  string
	Name    string
	Also    []string // names that people know it by, too
	Phases  int
	Version string // of the file
	Sources []string
	// Unverified is why its values may be wrong, as where one source alone has them; empty where two agree.
	Unverified string
	Notes      string // what a person who installs it must know
	Signing    string // how it makes signed readings; empty for never
	File       string // where it comes from
	Own        bool   // it is of the site, not of the program

	Line    Line
	Low     bool          // the least significant word of a number comes first
	Swapped bool          // and the bytes of each word
	Modulus int64         // Wh at which the register begins again at 0; 0 for never
	Step    int64         // Wh in which the register counts
	Gap     time.Duration // silence that it wants before a request, beyond t3.5

	SunSpec  *SunSpec
	Identity []Condition // all must hold; none where a person's word decides
	Generic  bool        // another model that is recognised, too, goes before this one
	Must     []Must
	Serial   []Register // parts of the serial number; none where it says no number
	Canary   *Block     // as the file names it
	Ranges   []Block    // that can be read in one go, whatever lies between two values
	Values   []Value
	Variants []Variant
	Vectors  []Vector
}

// Line is how a meter talks as it is delivered.
type Line struct {
	Baud   []int // as delivered first, then the others that it can be set to
	Parity string
	Stop   int
	Unit   int
	Most   uint16 // registers a request
	// Turnaround is how long the meter thinks at worst until its answer begins.
	Turnaround time.Duration
}

// Block is a run of registers that is read at once.
type Block struct {
	Function byte
	Address  uint16
	Count    uint16
}

// end is the address behind the block.
func (b Block) end() int { return int(b.Address) + int(b.Count) }

// covers tells whether a block has all registers of another one.
func (b Block) covers(other Block) bool {
	return b.Function == other.Function && b.Address <= other.Address && b.end() >= other.end()
}

// Register is where a number or a text is, and how it is written there.
type Register struct {
	Part     string // of a SunSpec device; the address counts from its model's id
	Function byte
	Address  uint16
	Type     Type
	Words    uint16 // of a text or of digits
	Low      bool   // the least significant word comes first
	Swapped  bool   // so do the bytes of each word
}

// Block is the register's own run of registers.
func (r Register) Block() Block { return Block{r.Function, r.Address, r.Len()} }

// sized tells whether a value of the type is as long as its register says.
func (t Type) sized() bool { return t == Text || t == BCD || t == Hex }

// Len is how many 16-bit registers it takes.
func (r Register) Len() uint16 {
	if n, ok := lengths[r.Type]; ok {
		return n
	}
	return r.Words
}

// Type is how a value is written.
type Type string

// Types. The decimal floats are Iskra's T5 and T6: eight bits of a signed exponent of ten, 24 bits of a mantissa
// without and with a sign.
const (
	Uint16  Type = "uint16"
	Int16   Type = "int16"
	Uint32  Type = "uint32"
	Int32   Type = "int32"
	Uint64  Type = "uint64"
	Int64   Type = "int64"
	Float32 Type = "float32"
	Float64 Type = "float64"
	T5      Type = "t5"
	T6      Type = "t6"
	Text    Type = "text"
	BCD     Type = "bcd" // decimal digits, four in a word
	Hex     Type = "hex" // hexadecimal digits, four in a word
)

var lengths = map[Type]uint16{Uint16: 1, Int16: 1, Uint32: 2, Int32: 2, Uint64: 4, Int64: 4, Float32: 2, Float64: 4,
	T5: 2, T6: 2}

// Condition is what a register must hold.
type Condition struct {
	Register
	Is Set
}

// Must is a setting of the meter under which its values mean what the file says.
type Must struct {
	Condition
	Else     string // what to do where it does not hold
	Optional bool   // a meter may lack the setting
}

// Set is what a register may hold: one of its members.
type Set []Member

// Member is a number, a range of numbers, a text or the start of texts.
type Member struct {
	From, To *big.Rat // nil for a text
	Text     string
	Begins   bool // the text is a start
}

// Value is a quantity: the sum of its parts.
type Value struct {
	Name  string
	Parts []Part
	// Optional values are read by themselves: a meter that lacks them loses nothing else.
	Optional bool
}

// Part is a number in the registers.
type Part struct {
	Register
	Factor *big.Rat  // to Wh, W, mV, mA or mHz
	Scale  *Register // holds an exponent of ten; nil for none
	Absent Set       // what it holds, as an unsigned number, where the value is not there
}

// Variant is what is different at some meters of the model.
type Variant struct {
	Name   string
	When   []Condition
	Low    *bool
	Step   int64
	Serial []Register
	Values []Value // in place of those with their names
}

// SunSpec is how the parts of a SunSpec device are found: by a walk from a marker over its models.
type SunSpec struct {
	At    []uint16            // where the marker may be
	Parts map[string][]uint16 // ids of models, the first of which that is there is the part
}

// Vector is what a meter's registers hold, and what must be read from them.
type Vector struct {
	From    string // where it comes from
	Dump    Dump
	Serial  string
	Variant string
	Import  int64 // Wh
	Power   int64
	Voltage []int64 // mV
	Current []int64 // mA
	Mains   int64   // mHz
}

// Signed tells whether the meter signs readings.
func (m *Model) Signed() bool { return m.Signing != "" }

// Told tells whether only a person's word says that a meter is of this model.
func (m *Model) Told() bool { return len(m.Identity) == 0 && m.SunSpec == nil }

// String is vendor and name.
func (m *Model) String() string { return m.Vendor + " " + m.Name }
