package site

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/config"
	"kioskd/file"
	"kioskd/ocpp"
	"kioskd/session"
	"kioskd/store"
)

// errNoDaemon stands in for a charger where no daemon runs: a charger connects by itself, to the daemon.
var errNoDaemon = errors.New("a charger is asked by the daemon alone: start it")

// openChargers makes the central system of the bays that are chargers, and listens for them.
func (s *Site) openChargers(ctx context.Context) error {
	if s.c.OCPP.Listen == "" {
		return nil
	}
	past, err := pastTransactions(ctx, s.journal)
	if err != nil {
		return err
	}
	s.secure, err = chargersTLS(s.c.OCPP)
	if err != nil {
		return err
	}
	s.chargers = ocpp.New(ocpp.Options{Chargers: ChargerSettings(s.c), Desk: chargerDesk{s}, Past: past,
		Now: s.clock.Now, PlugIn: s.c.Rules.PlugIn, Sample: s.c.OCPP.Sample, Log: s.log,
		Trace: s.traces("ocpp")})
	for i, b := range s.c.Bays {
		if b.Charger != nil {
			n := s.chargers.Connector(b.Charger.ID, b.Charger.Connector)
			bay := &s.devices.Bays[i]
			bay.Contactor, bay.Inputs = n, n
			if b.ChargerCounts() {
				bay.Meter = n
			}
		}
	}
	s.connects, err = net.Listen("tcp", s.c.OCPP.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen for chargers at %s: %w", s.c.OCPP.Listen, err)
	}
	s.closes(s.connects.Close)
	return nil
}

// chargersTLS is nil where chargers connect without. TLS 1.2 must be possible: many chargers have nothing newer.
func chargersTLS(o config.OCPP) (*tls.Config, error) {
	out, err := file.ServerTLS(o.Certificate, o.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot take chargers by TLS: %w", err)
	}
	if out == nil || o.Clients == "" {
		return out, nil
	}
	pem, err := file.ReadSecret(o.Clients)
	if err != nil {
		return nil, fmt.Errorf("cannot read the authority of the chargers: %w", err)
	}
	out.ClientCAs, out.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !out.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("cannot read the authority of the chargers: %s has no certificate", o.Clients)
	}
	return out, nil
}

// ChargerSettings are the configuration's chargers, each with the connectors that are bays.
func ChargerSettings(c *config.Config) (out []ocpp.Settings) {
	for _, b := range c.Bays {
		if b.Charger == nil {
			continue
		}
		i := slices.IndexFunc(out, func(s ocpp.Settings) bool { return s.ID == b.Charger.ID })
		if i < 0 {
			i = len(out)
			out = append(out, ocpp.Settings{ID: b.Charger.ID, Password: b.Charger.Password,
				Security: b.Charger.Security})
		}
		out[i].Connectors = append(out[i].Connectors, ocpp.ConnectorSettings{Number: b.Charger.Connector, Bay: b.Number,
			Metered: !b.ChargerCounts(), Register: kiosk.Register{MaxPower: b.MaxPower}})
	}
	return out
}

// pastKept is how many transactions of before are looked for: a charger sends again what was not answered. pastSeen is
// how many records of a kind are looked at for them: those of other bays are among them.
const (
	pastKept = 1000
	pastSeen = 100_000
)

// pastName is what a transaction is known by.
type pastName struct {
	charger, idTag string
	id             int
}

func nameOf(t kiosk.Transaction) pastName { return pastName{t.Charger, t.IDTag, t.ID} }

// pastTransactions are those that the journal has, in the order in which they began.
func pastTransactions(ctx context.Context, journal *store.Store) (out []ocpp.Past, err error) {
	ended := map[pastName]session.ChargerEndBody{}
	for _, kind := range []session.Kind{session.TransactionEnded, session.TransactionRefused, session.MeterStart,
		session.TransactionBegan} {
		n, seen := 0, 0
		for r, err := range journal.Newest(ctx, string(kind)) {
			if err != nil {
				return nil, err
			}
			seen++
			if n >= pastKept || seen > pastSeen {
				break
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return nil, err
			}
			switch b := e.Body.(type) {
			case session.ChargerEndBody:
				n++
				ended[nameOf(b.Transaction)] = b
			case session.ChargerRefusedBody: // its number is used, and it may not run
				n++
				out = append(out, ocpp.Past{Transaction: b.Transaction, At: e.At, Ended: true})
			case session.FirstBody:
				if b.Transaction != nil {
					n++
					out = append(out, began(e.At, *b.Transaction, ended))
				}
			case session.ChargerBeganBody:
				n++
				out = append(out, began(e.At, b.Transaction, ended))
			}
		}
	}
	slices.SortFunc(out, func(a, b ocpp.Past) int { return a.Transaction.ID - b.Transaction.ID })
	return out, nil
}

// began is a transaction of before, with what is known of its end.
func began(at time.Time, t kiosk.Transaction, ended map[pastName]session.ChargerEndBody) ocpp.Past {
	end, over := ended[nameOf(t)]
	return ocpp.Past{Transaction: t, At: at, Ended: over, Device: end.Device, Register: end.Register}
}

// isCharger tells whether a bay is a charger's.
func (o owner) isCharger(bay int) bool {
	if o.chargers == nil {
		return false
	}
	return slices.ContainsFunc(o.chargers.Chargers(), func(r ocpp.Report) bool { return slices.Contains(r.Bays, bay) })
}

// chargerFindings are what the doctor says of chargers: those of the configuration, with each setting that they refuse,
// and those that connect and are not in it.
func (o owner) chargerFindings(now time.Time) (out []api.Finding) {
	if o.chargers == nil {
		return nil
	}
	for _, r := range o.chargers.Chargers() {
		f := api.Finding{Device: "charger " + r.ID, OK: r.Connected,
			Identity: strings.Join(strings.Fields(r.Vendor+" "+r.Model+" "+r.Firmware), " "),
			What:     "connected from " + r.Address}
		if !r.Connected {
			f.Fault, f.What = kiosk.FaultChargerLost, "not connected"
			if !r.Heard.IsZero() {
				f.What = fmt.Sprintf("not connected, last heard %v ago", now.Sub(r.Heard).Round(time.Second))
			}
		}
		if r.Unfused {
			f.What += "; it takes no charging profile: cut off, it goes on until the vehicle is full or disconnected"
		}
		out = append(out, f)
		for _, s := range r.Refused {
			out = append(out, api.Finding{Device: "charger " + r.ID, OK: !s.Free, What: fmt.Sprintf(
				"it does not take a setting (%s): set %s to %s by hand, it has %q", s.Why, s.Key, s.Value, s.Has)})
		}
	}
	for _, x := range o.chargers.Strangers() {
		out = append(out, api.Finding{Device: "charger " + x.ID, OK: true,
			Identity: strings.Join(strings.Fields(x.Vendor+" "+x.Model+" "+x.Firmware), " "),
			What:     "connects from " + x.Address + ", and is not in the configuration: no bay sells it"})
	}
	return out
}

// chargerDesk hands what chargers say to the session machine, which writes it down.
type chargerDesk struct{ s *Site }

// Started implements ocpp.Desk.
func (d chargerDesk) Started(ctx context.Context, bay int, t kiosk.Transaction, r kiosk.Reading) error {
	r.At = d.s.clock.Now()
	return d.s.control.Do(ctx, session.Observation{What: session.ChargerStarted, Bay: bay, Transaction: &t,
		Reading: &r})
}

// Refused implements ocpp.Desk.
func (d chargerDesk) Refused(ctx context.Context, bay int, t kiosk.Transaction, why error) error {
	return d.s.control.Do(ctx, session.Observation{What: session.ChargerRefused, Bay: bay, Transaction: &t, Err: why})
}

// Ended implements ocpp.Desk.
func (d chargerDesk) Ended(ctx context.Context, e ocpp.Ended) error {
	b := &session.ChargerEndBody{Bay: e.Bay, Transaction: e.Transaction, MeterStop: e.MeterStop, Reason: e.Reason,
		Timestamp: e.Timestamp, Device: e.Device, Register: e.Register}
	if e.Reading != nil {
		r := *e.Reading
		r.At = d.s.clock.Now()
		b.Reading = &r
	}
	if e.Why != nil {
		b.Error = e.Why.Error()
	}
	for _, v := range e.Signed {
		b.Signed = append(b.Signed, session.SignedValue{Context: v.Context, Value: v.Value,
			Encoding: v.Proof.Encoding, Method: v.Proof.Method, PublicKey: v.Proof.PublicKey})
	}
	return d.s.control.Do(ctx, session.Observation{What: session.ChargerEnded, Bay: e.Bay, Ended: b})
}
