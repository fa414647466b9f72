package ocpp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
)

// A charger of OCPP 1.6 cannot be told to stop when it is cut off. A fuse is a charging profile of the transaction
// whose second period has limit 0: a charger that hears nothing stops by itself when the hold is used up at full power
// (chapter 3.13, "Smart Charging"). It is renewed while registers come.

// fuseForm is a way to write a fuse: chargers take some, and refuse others.
type fuseForm struct {
	unit     string // A or W
	divisor  int64  // of the bay's power in W: what a unit is
	relative bool   // to the transaction's start, by the charger's own clock
}

// fuseForms are tried in their order. A current is of one phase: first as much as a single phase would need, so that
// the limit throttles nothing.
func fuseForms() []fuseForm {
	const volts, phases = 230, 3
	var out []fuseForm
	for _, relative := range []bool{false, true} {
		out = append(out, fuseForm{"W", 1, relative}, fuseForm{"A", volts, relative},
			fuseForm{"A", volts * phases, relative})
	}
	return out
}

// fuses is what is known of a charger's fuses.
type fuses struct {
	asked   bool       // its settings were read
	forms   []fuseForm // that it may take; the first is the one that it took
	taken   bool
	refused int // times in a row
}

// Keys that tell of charging profiles (OCPP 1.6, chapter 9).
const (
	featureProfiles = "SupportedFeatureProfiles"
	rateUnit        = "ChargingScheduleAllowedChargingRateUnit"
)

// newFuses are those that a charger may take, by its settings (chapter 9.4). Some write Power and Current for W and A.
func newFuses(has map[string]v16.ConfigurationKey) fuses {
	features, told := has[featureProfiles]
	if told && !strings.Contains(features.Value, "SmartCharging") {
		return fuses{asked: true}
	}
	units := strings.ToUpper(has[rateUnit].Value)
	takes := map[string]bool{
		"W": units == "" || strings.Contains(units, "W"), // also in "POWER"
		"A": units == "" || slices.Contains(strings.FieldsFunc(units, notLetter), "A") ||
			strings.Contains(units, "CURRENT"),
	}
	return fuses{asked: true, forms: slices.DeleteFunc(fuseForms(), func(f fuseForm) bool { return !takes[f.unit] })}
}

func notLetter(r rune) bool { return r < 'A' || r > 'Z' }

const (
	fuseStack = 0
	tenths    = 10
)

// profile is a fuse that ends a transaction's energy after a time from its start.
// Its number is the connector's: one with the same number takes its place, at whichever connector.
func (f fuseForm) profile(connector int, power kiosk.Power, after time.Duration, begun v16.Time) v16.ChargingProfile {
	p := v16.ChargingProfile{ID: connector, Stack: fuseStack, Purpose: "TxProfile", Kind: "Relative",
		Schedule: v16.Schedule{Unit: f.unit, Periods: []v16.Period{
			{Limit: v16.Decimal(int64(power) * tenths / f.divisor)}, {Start: max(0, int(after/time.Second))}}}}
	if !f.relative && !begun.IsZero() {
		p.Kind, p.Schedule.Start = "Absolute", &begun
	}
	return p
}

// begunBy is the transaction's start by the charger's own clock, also where that is wrong or was set meanwhile: zero
// where the charger does not tell the time.
func (t *transaction) begunBy() (at v16.Time) {
	if t.stamp.IsZero() {
		return at
	}
	return v16.At(t.stamp.Add(t.count.begun.Sub(t.stampAt)).Round(time.Second))
}

// Renew implements kiosk.Charger. The time is from now; the profile counts from the transaction's start.
func (n *Connector) Renew(ctx context.Context, g kiosk.Grant) error {
	n.charger.mu.Lock()
	t, power := n.running, n.set.Register.MaxPower
	if t == nil || t.refused || t.IDTag != g.Reference {
		n.charger.mu.Unlock()
		return errors.New("its transaction does not run")
	}
	forms := slices.Clone(n.charger.fuses.forms)
	after, begun, lead := time.Since(t.count.begun)+g.Fuse, t.begunBy(), t.lead
	n.charger.mu.Unlock()
	if len(forms) == 0 {
		return errors.New("the charger takes no charging profile")
	}
	for _, form := range forms {
		from := after
		if form.relative || begun.IsZero() { // the charger counts from its own begin
			from += lead
		}
		p := form.profile(n.set.Number, power, from, begun)
		p.Transaction = t.ID
		var result v16.CommandResult
		err := n.charger.call(ctx, v16.ActionSetChargingProfile,
			v16.SetChargingProfile{Connector: n.set.Number, Profile: p}, &result)
		switch {
		case err == nil && result.Status == v16.ResultAccepted:
			n.charger.fused(form)
			return nil
		case errors.Is(err, errAway), errors.Is(err, ocppj.ErrClosed):
			return err
		case err != nil && !refused(err): // it does not answer, and does not do it
			n.charger.unfused()
			return err
		}
		n.charger.log.Info("charger does not take a limit in this form", "kind", p.Kind, "unit", form.unit, "status",
			result.Status, "error", err)
	}
	n.charger.unfused()
	return fmt.Errorf("the charger refuses a limit in all %d forms", len(forms))
}

// keepFuses takes what a charger's settings say of its fuses, unless it proved better.
func (c *Charger) keepFuses(f fuses) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fuses.taken {
		c.fuses = f
	}
}

// fused keeps the form that a charger took: it is the first one from now on.
func (c *Charger) fused(form fuseForm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.fuses.forms, form)
	if i >= 0 {
		c.fuses.forms = append([]fuseForm{form}, slices.Delete(c.fuses.forms, i, i+1)...)
	}
	c.fuses.taken, c.fuses.refused = true, 0
}

// mostRefused is how often a charger may refuse every form before it is taken to have none: it may not have known the
// number of its transaction yet.
const mostRefused = 3

func (c *Charger) unfused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fuses.refused++
	if c.fuses.refused == mostRefused {
		c.log.Warn("charger goes on when it is cut off: it refuses every limit")
		c.fuses.taken = false
	}
}

// unbounded tells whether the charger goes on when it is cut off.
func (f fuses) unbounded() bool { return f.asked && len(f.forms) == 0 || f.refused >= mostRefused }
