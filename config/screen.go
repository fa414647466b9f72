package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd/ui/text"
)

func (r *configReader) screen(c *Config, n *yaml.Node, dir string) {
	r.Mapping(n, "screen", map[string]func(*yaml.Node){
		"socket!": r.path(&c.Socket, dir), "required": r.Boolean(&c.NeedScreen),
		"terminal": func(n *yaml.Node) {
			c.Side = n.Value
			if !slices.Contains([]string{"right", "left", "below"}, n.Value) {
				r.Fault(n, "screen.terminal: %q: want right, left or below: where the card terminal is, seen "+
					"from the screen", n.Value)
			}
		},
		"night": func(n *yaml.Node) {
			from, to, _ := strings.Cut(n.Value, "-")
			a, err1 := time.Parse("15:04", from)
			b, err2 := time.Parse("15:04", to)
			if err1 != nil || err2 != nil {
				r.Fault(n, "screen.night: %q: want times of day such as 21:00-06:00", n.Value)
			}
			c.dark = [2]time.Duration{sinceMidnight(a), sinceMidnight(b)}
		},
		"accent": r.accent(c), "logo": r.picture("logo", &c.Brand.Logo, dir),
		"idle_picture": r.picture("idle_picture", &c.Brand.Idle, dir), "help": r.ownHelp(c),
	})
}

// sinceMidnight is a time of day.
func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Night tells whether the screen is dark at a moment.
func (c *Config) Night(t time.Time) bool {
	now, from, to := sinceMidnight(t.In(c.Timezone)), c.dark[0], c.dark[1]
	if from <= to {
		return from <= now && now < to
	}
	return now >= from || now < to
}

// staff reads who is let in at the screen, and by which code.
func (r *configReader) staff(c *Config, n *yaml.Node) {
	code := func(to **CodeHash) func(*yaml.Node) {
		return func(n *yaml.Node) {
			h, err := ParseCodeHash(n.Value)
			if err != nil {
				r.Fault(n, "staff: %v", err)
				return
			}
			*to = &h
		}
	}
	r.Mapping(n, "staff", map[string]func(*yaml.Node){
		"technician": code(&c.Technician), "host": code(&c.Host), "export": r.Text(&c.ExportTo),
	})
}

func (r *configReader) timings(c *Config, n *yaml.Node) {
	r.Mapping(n, "timings", map[string]func(*yaml.Node){
		"choose":       r.Duration("timings.choose", &c.Rules.Lease, 30*time.Second, 10*time.Minute),
		"plug_in":      r.Duration("timings.plug_in", &c.Rules.PlugIn, 10*time.Second, 15*time.Minute),
		"no_energy":    r.Duration("timings.no_energy", &c.Rules.NoEnergy, 30*time.Second, 30*time.Minute),
		"meter_lost":   r.Duration("timings.meter_lost", &c.Rules.MeterLost, 0, time.Minute),
		"charger_lost": r.Duration("timings.charger_lost", &c.chargerLost, time.Minute, time.Hour),
		"idle":         r.Duration("timings.idle", &c.Times.Idle, 20*time.Second, 10*time.Minute),
		"declined":     r.Duration("timings.declined", &c.Times.Declined, 10*time.Second, 2*time.Minute),
		"receipt":      r.Duration("timings.receipt", &c.Times.Final, 20*time.Second, 5*time.Minute),
		"charging":     r.Duration("timings.charging", &c.Times.Charging, 5*time.Second, 5*time.Minute),
		"ended":        r.Duration("timings.ended", &c.Times.Told, 30*time.Second, time.Hour),
		"still":        r.Duration("timings.still", &c.Times.Still, 20*time.Second, time.Minute),
		"bank_slow":    r.Duration("timings.bank_slow", &c.Times.Slow, 3*time.Second, time.Minute),
		"staff":        r.Duration("timings.staff", &c.Times.Staff, time.Minute, time.Hour),
	})
}

// Languages are those that can be offered.
var Languages = sync.OnceValue(func() []string {
	texts, err := text.Load()
	if err != nil {
		return nil // they are embedded, and tested
	}
	return texts.Languages()
})

func DayTime(s string) (time.Time, error) {
	at, err := time.Parse("15:04", s)
	if err != nil {
		return at, errors.New("want a time of day such as 03:30")
	}
	return at, nil
}

func MountPoint(s string) error {
	if !filepath.IsAbs(s) {
		return errors.New("want where another partition or a stick is mounted, such as /media/kioskd")
	}
	return nil
}
