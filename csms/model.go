package csms

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kioskd/ocpp/v2"
)

const (
	readOnly  = "ReadOnly"
	readWrite = "ReadWrite"
	writeOnly = "WriteOnly"
	actual    = "Actual"
)

// Variable is a variable of the device model (part 2, chapter 3 of the appendices).
type Variable struct {
	Component string
	EVSE      int // 0 for none
	Name      string
	Instance  string // the variable's
	Type      string // string, decimal, integer, boolean, dateTime, OptionList, MemberList, SequenceList
	Unit      string
	Values    string        // that it may have, where they are a list
	Value     func() string // of one that can be read alone
	// Default is the value of one that can be set until that is done. Check tells why a value is refused.
	Default string
	Check   func(value string) error
	Secret  bool // it can be set, and not read
}

// Model is the device model: what is there, and what an operator may set.
type Model struct {
	all  []Variable
	keep func(map[string]string) error

	mu       sync.Mutex
	settings map[string]string
}

// NewModel makes a device model with what was set before. What is set is kept before it holds.
func NewModel(all []Variable, before map[string]string, keep func(map[string]string) error) *Model {
	if before == nil {
		before = map[string]string{}
	}
	return &Model{all: all, keep: keep, settings: before}
}

// key is what a setting is kept by.
func (v Variable) key() string { return v.Component + "." + v.Name + "." + v.Instance }

// value is what it is now.
func (m *Model) value(v Variable) string {
	if v.Value != nil {
		return v.Value()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now, ok := m.settings[v.key()]; ok {
		return now
	}
	return v.Default
}

// Setting is a variable of a component that can be set.
func (m *Model) Setting(component, name string) string {
	for _, v := range m.all {
		if v.Component == component && v.Name == name {
			return m.value(v)
		}
	}
	return ""
}

func (m *Model) number(component, name string) int {
	n, err := strconv.Atoi(m.Setting(component, name))
	if err != nil {
		return 0
	}
	return n
}

// seconds is a time that can be set; usual where it is 0.
func (m *Model) seconds(component, name string, usual time.Duration) time.Duration {
	if n := m.number(component, name); n > 0 {
		return time.Duration(n) * time.Second
	}
	return usual
}

// find finds variables; component, evse and instance where they are named.
func (m *Model) find(c v2.Component, v *v2.Variable) (out []Variable, component bool) {
	for _, x := range m.all {
		if !strings.EqualFold(x.Component, c.Name) ||
			c.EVSE != nil && x.EVSE != c.EVSE.ID {
			continue
		}
		component = true
		if v == nil || strings.EqualFold(x.Name, v.Name) && (v.Instance == "" || x.Instance == v.Instance) {
			out = append(out, x)
		}
	}
	return out, component
}

// one finds the variable that a request means, or says why there is none.
func (m *Model) one(c v2.Component, v v2.Variable, attribute string) (Variable, string) {
	found, component := m.find(c, &v)
	switch {
	case !component:
		return Variable{}, "UnknownComponent"
	case len(found) == 0:
		return Variable{}, "UnknownVariable"
	case attribute != "" && attribute != actual:
		return Variable{}, "NotSupportedAttributeType"
	}
	return found[0], v2.Accepted
}

// get answers GetVariables (B06).
func (m *Model) get(r v2.GetVariables) (out v2.GetResults) {
	for _, d := range r.Data {
		v, status := m.one(d.Component, d.Variable, d.Attribute)
		result := v2.VariableResult{Attribute: d.Attribute, Status: status, Component: d.Component,
			Variable: d.Variable}
		switch {
		case status == v2.Accepted && v.Secret:
			result.Status, result.Why = v2.Rejected, &v2.Why{Code: "WriteOnly"}
		case status == v2.Accepted:
			result.Value = m.value(v)
		}
		out.Results = append(out.Results, result)
	}
	return out
}

// set answers SetVariables (B05): each that is taken is kept before it is answered.
func (m *Model) set(r v2.SetVariables) (out v2.SetResults) {
	for _, d := range r.Data {
		v, status := m.one(d.Component, d.Variable, d.Attribute)
		result := v2.VariableResult{Attribute: d.Attribute, Status: status, Component: d.Component,
			Variable: d.Variable}
		if status == v2.Accepted {
			result.Status, result.Why = refused(m.put(v, d.Value))
		}
		out.Results = append(out.Results, result)
	}
	return out
}

func (m *Model) put(v Variable, value string) error {
	if v.Check == nil {
		return &Refusal{v2.Rejected, "ReadOnly", v.Component + "." + v.Name + " cannot be set here"}
	}
	if err := v.Check(value); err != nil {
		return &Refusal{v2.Rejected, "InvalidValue", err.Error()}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]string{}
	for k, was := range m.settings {
		next[k] = was
	}
	next[v.key()] = value
	if err := m.keep(next); err != nil {
		return &Refusal{v2.Rejected, "InternalError", err.Error()}
	}
	m.settings = next
	return nil
}

// report is all variables, or those that are asked for.
func (m *Model) report(of []v2.GetVariable) (out []v2.ReportVariable) {
	all := m.all
	if len(of) > 0 {
		all = nil
		for _, o := range of {
			which := &o.Variable
			if o.Variable.Name == "" {
				which = nil
			}
			found, _ := m.find(o.Component, which)
			all = append(all, found...)
		}
	}
	for _, v := range all {
		r := v2.ReportVariable{Component: v2.Component{Name: v.Component},
			Variable:        v2.Variable{Name: v.Name, Instance: v.Instance},
			Attributes:      []v2.Attribute{{Type: actual, Value: m.value(v), Mutability: readOnly}},
			Characteristics: &v2.Characteristics{Type: v.Type, Unit: v.Unit, Values: v.Values}}
		if v.EVSE > 0 {
			r.Component.EVSE = &v2.EVSE{ID: v.EVSE}
			if v.Component == "Connector" {
				r.Component.EVSE.Connector = 1
			}
		}
		if v.Check != nil {
			r.Attributes[0].Mutability, r.Attributes[0].Persistent = readWrite, true
		}
		if v.Secret {
			r.Attributes[0].Mutability, r.Attributes[0].Value = writeOnly, ""
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}
