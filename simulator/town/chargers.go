package town

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"kioskd/simulator"
)

// connectorsEach is how many connectors a charger of a simulated site has.
const connectorsEach = 2

// chargerPassword is that of every charger.
const chargerPassword = "a-password-of-20-char"

// metered tells whether there is a meter in front of a bay's charger, the first bay being 0.
func (s *Town) metered(i int) bool { return s.Metered && (i-s.own())%connectorsEach == 1 }

// own is how many bays have a meter and a contactor of their own.
func (s *Town) own() int { return s.Size - s.Connectors }

// openChargers makes the chargers behind the last bays.
func (s *Town) openChargers(log *slog.Logger) error {
	if s.Connectors == 0 {
		return nil
	}
	if err := s.openCentral(); err != nil {
		return err
	}
	if err := os.WriteFile(s.passwordFile(), []byte(chargerPassword+"\n"), 0o600); err != nil {
		return fmt.Errorf("cannot write the chargers' password: %w", err)
	}
	for i := s.own(); i < s.Size; i += connectorsEach {
		version := cmp.Or(s.OCPP, []string{"1.6", "2.0.1"}[len(s.Chargers)%2])
		s.Chargers = append(s.Chargers, &simulator.Charger{ID: chargerID(len(s.Chargers)), Version: version,
			Password: chargerPassword,
			URL:      "ws://" + s.central + "/ocpp", Bays: s.Bays[i:min(i+connectorsEach, s.Size)], Log: log})
	}
	return nil
}

// openCentral finds the address at which the daemon listens. A site that begins again in the same directory keeps it:
// the daemon is there already.
func (s *Town) openCentral() error {
	path := filepath.Join(s.Dir, "central")
	text, err := os.ReadFile(path)
	if err == nil {
		s.central = string(text)
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot read the daemon's address: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.central = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(s.central), 0o600); err != nil {
		return fmt.Errorf("cannot write the daemon's address: %w", err)
	}
	return nil
}

func (s *Town) passwordFile() string { return filepath.Join(s.Dir, "charger.password") }

// chargerID is the identity of a charger, the first being 0.
func chargerID(n int) string { return fmt.Sprintf("WB-%d", n+1) }

// Wiring says how a bay is connected, the first being 0.
func (s *Town) Wiring(i int) string {
	if n := i - s.own(); n >= 0 {
		charger := fmt.Sprintf("connector %d of charger %s", n%connectorsEach+1, chargerID(n/connectorsEach))
		if s.metered(i) {
			return fmt.Sprintf("meter %d, %s", FirstSerial+i, charger)
		}
		return charger
	}
	return fmt.Sprintf("meter %d, coil %d, inputs %d vehicle, %d asks for energy, %d feedback, %d emergency stop",
		FirstSerial+i, i, BoardInput(i, simulator.InputPlugged), BoardInput(i, simulator.InputRequesting),
		BoardInput(i, simulator.InputFeedback), BoardInput(i, simulator.InputEmergency))
}

// ocpp is the section of the configuration; empty without chargers.
func (s *Town) ocpp() string {
	if s.Connectors == 0 {
		return ""
	}
	return fmt.Sprintf("ocpp:\n  listen: tcp://%s\n  sample: 1s # the car is fast\n", s.central)
}

// chargerBay is a bay that is a charger's connector in the configuration.
func (s *Town) chargerBay(i int) string {
	n := i - s.own()
	meter := ""
	if s.metered(i) {
		meter = s.meter(i)
	}
	return fmt.Sprintf(`  - number: %d
    evse_id: DE*DEM*E%03d
    max_power_w: %d # the car's times the speed of the simulation
    charger: {id: %s, connector: %d, password_file: %s}
%s`, i+1, i+1, 22000*s.Speed, chargerID(n/connectorsEach), n%connectorsEach+1, s.passwordFile(), meter)
}
