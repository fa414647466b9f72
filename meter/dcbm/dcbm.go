// Package dcbm speaks with LEM's DCBM 400 and 600, which meter direct current and sign over HTTP (LEM: DCBM 400/600
// communication protocol; the shapes are those that EVerest's driver sends and its tests expect).
//
// A transaction begins by POST /vN/legal, ends by PUT /vN/legal?transactionId=ID, and its record, which has beginning
// and end, is GET /vN/ocmf?transactionId=ID. The meter keeps records: End may be asked again, and nothing is confirmed.
// N is 2 where the firmware's second part is above 1, else 1; status and settings stay at 1. HTTPS, which the meter
// does with a certificate of its own, is not spoken.
//
// The meter wants a transaction to last two minutes at least, and ends one 48 hours after its clock was set. It is set
// before each one; in its first two minutes after power came the meter may refuse that.
package dcbm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"kioskd"
	"kioskd/meter/ocmf"
)

// Meter is a DCBM. It may be read while it signs; one caller lets it sign at a time.
type Meter struct {
	base *url.URL
	http *http.Client

	mu   sync.Mutex
	said status
	at   time.Time // when it said it
}

// New is the meter at an address http://HOST or http://HOST:PORT.
func New(address string) (*Meter, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("address %q: want http://HOST or http://HOST:PORT", address)
	}
	return &Meter{base: u, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}, nil
}

// status is what /v1/status says.
type status struct {
	MeterID   string `json:"meterId"`
	PublicKey string `json:"publicKeyOcmf"`
	Status    struct {
		Bits struct {
			Going *bool `json:"transactionIsOnGoing"`
			Fatal *bool `json:"muFatalErrorOccured"` // as the meter spells it
		} `json:"bits"`
	} `json:"status"`
	Version struct {
		Application string `json:"applicationFirmwareVersion"`
	} `json:"version"`
}

// Limits of what the meter takes and says.
const (
	mostClient  = 37
	mostTariff  = 20
	mostAnswer  = 64 << 10
	namedFor    = 30 * time.Second // how long a name is good
	answersIn   = 5 * time.Second
	goingStatus = 4 // the bit of transactionStatus
)

// ask sends a request, and reads the answer into to, or as it is where to is a text.
func (m *Meter) ask(ctx context.Context, method, path string, in, to any, want int) error {
	ctx, stop := context.WithTimeout(ctx, answersIn)
	defer stop()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, m.base.Scheme+"://"+m.base.Host+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case resp.StatusCode != want:
		return fmt.Errorf("%s %s: the meter answers %s", method, path, resp.Status)
	case len(out) > mostAnswer:
		return fmt.Errorf("%s %s: the answer has more than %d bytes", method, path, mostAnswer)
	}
	if text, ok := to.(*string); ok {
		*text = string(out)
		return nil
	}
	if err := json.Unmarshal(out, to); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// status asks the meter what it is and does.
func (m *Meter) status(ctx context.Context) (status, error) {
	var s status
	if err := m.ask(ctx, http.MethodGet, "/v1/status", nil, &s, http.StatusOK); err != nil {
		return s, fmt.Errorf("cannot read status: %w", err)
	}
	bits := s.Status.Bits
	switch {
	case s.MeterID == "":
		return s, errors.New("cannot read status: meterId is missing")
	case bits.Going == nil || bits.Fatal == nil:
		return s, errors.New("cannot read status: transactionIsOnGoing or muFatalErrorOccured is missing")
	case *bits.Fatal:
		return s, errors.New("the meter has a fatal error")
	}
	m.mu.Lock()
	m.said, m.at = s, time.Now()
	m.mu.Unlock()
	return s, nil
}

// version is where the firmware has what is legal: /v1 or /v2.
func (s status) version() string {
	part := strings.Split(s.Version.Application, ".")
	if len(part) != 4 {
		return "/v1"
	}
	if minor, err := strconv.Atoi(part[1]); err != nil || minor < 2 {
		return "/v1"
	}
	return "/v2"
}

// recent is what the meter said of itself, not longer ago than a name is good.
func (m *Meter) recent(ctx context.Context) (s status, fresh bool, err error) {
	m.mu.Lock()
	s, old := m.said, time.Since(m.at) > namedFor
	m.mu.Unlock()
	if s.MeterID != "" && !old {
		return s, false, nil
	}
	s, err = m.status(ctx)
	return s, true, err
}

// Read reads the register and what flows.
func (m *Meter) Read(ctx context.Context) (r kiosk.Reading, err error) {
	s, fresh, err := m.recent(ctx)
	if err != nil {
		return r, err
	}
	var live struct {
		Energy  json.Number `json:"energyImportTotal"` // kWh
		Power   json.Number `json:"power"`             // kW
		Voltage json.Number `json:"voltage"`
		Current json.Number `json:"current"`
	}
	if err := m.ask(ctx, http.MethodGet, s.version()+"/livemeasure", nil, &live, http.StatusOK); err != nil {
		m.forget()
		return r, fmt.Errorf("cannot read: %w", err)
	}
	var values [4]int64
	for i, n := range []json.Number{live.Energy, live.Power, live.Voltage, live.Current} {
		values[i], err = milli(n)
		if err != nil {
			return r, fmt.Errorf("cannot read: %s: %w", []string{"energyImportTotal", "power", "voltage",
				"current"}[i], err)
		}
	}
	if values[0] < 0 {
		return r, fmt.Errorf("cannot read: energyImportTotal is %v", live.Energy)
	}
	return kiosk.Reading{At: time.Now(), Import: kiosk.Energy(values[0]), Power: kiosk.Power(values[1]),
		Serial: s.MeterID, Named: fresh, Voltage: values[2:3], Current: values[3:4]}, nil
}

// forget lets the next reading ask for the name: another meter may be there.
func (m *Meter) forget() {
	m.mu.Lock()
	m.said = status{}
	m.mu.Unlock()
}

// milli is a thousandth of a number's unit, cut.
func milli(n json.Number) (int64, error) {
	if len(n) > 32 || strings.ContainsAny(string(n), "eE") {
		return 0, fmt.Errorf("%q is no number with digits alone", n)
	}
	v, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return 0, errors.New("it is missing")
	}
	v.Mul(v, big.NewRat(1000, 1))
	out := new(big.Int).Quo(v.Num(), v.Denom())
	if !out.IsInt64() {
		return 0, fmt.Errorf("%v is out of range", n)
	}
	return out.Int64(), nil
}

// Shortest is how long a transaction must last (LEM: DCBM manual, 7.2.2).
func (m *Meter) Shortest() time.Duration { return 2 * time.Minute }

// Key implements sign.Meter.
func (m *Meter) Key(ctx context.Context) (ocmf.Key, error) {
	s, err := m.status(ctx)
	if err != nil {
		return ocmf.Key{}, err
	}
	return ocmf.ParseKey(s.PublicKey, "")
}

// start is the body that begins a transaction; a firmware of version 2 wants the last four.
type start struct {
	EVSE        string  `json:"evseId"`
	Transaction string  `json:"transactionId"`
	Client      string  `json:"clientId"`
	Tariff      int     `json:"tariffId"`
	Text        *string `json:"TT,omitempty"`
	UV          *string `json:"UV,omitempty"`
	UD          *string `json:"UD,omitempty"`
	Cable       int     `json:"cableId"`
	User        string  `json:"userData"`
	SC          *int    `json:"SC,omitempty"`
}

// Begin implements sign.Meter. Where no answer comes, the meter is asked whether it has begun all the same.
func (m *Meter) Begin(ctx context.Context, b kiosk.Signing) ([]string, error) {
	s, err := m.status(ctx)
	if err != nil {
		return nil, err
	}
	if *s.Status.Bits.Going {
		return nil, kiosk.ErrSigning
	}
	if err := m.setTime(ctx, b.At); err != nil {
		return nil, err
	}
	body := start{EVSE: b.EVSE, Transaction: b.Reference, Client: cut(b.Reference, mostClient)}
	if s.version() == "/v2" {
		text, none, sc := cut(b.Tariff, mostTariff), "", 0
		body.Text, body.UV, body.UD, body.SC = &text, &none, &none, &sc
	}
	var began struct {
		Running bool `json:"running"`
	}
	err = m.ask(ctx, http.MethodPost, s.version()+"/legal", body, &began, http.StatusCreated)
	if err == nil && !began.Running {
		err = errors.New("it does not run")
	}
	if err != nil && m.running(ctx) != b.Reference {
		return nil, fmt.Errorf("cannot begin: %w", err)
	}
	return nil, nil
}

// running is the transaction that runs, as far as the meter says.
func (m *Meter) running(ctx context.Context) string {
	s, err := m.status(ctx)
	if err != nil || !*s.Status.Bits.Going {
		return ""
	}
	id, err := m.last(ctx, s)
	if err != nil {
		return ""
	}
	return id
}

// last is the transaction that runs, or else the last one.
func (m *Meter) last(ctx context.Context, s status) (string, error) {
	var legal struct {
		Transaction string `json:"transactionId"`
	}
	if err := m.ask(ctx, http.MethodGet, s.version()+"/legal", nil, &legal, http.StatusOK); err != nil {
		return "", fmt.Errorf("cannot read the transaction: %w", err)
	}
	if legal.Transaction == "" {
		return "", errors.New("cannot read the transaction: transactionId is missing")
	}
	return legal.Transaction, nil
}

func (m *Meter) setTime(ctx context.Context, at time.Time) error {
	type utc struct {
		UTC string `json:"utc"`
	}
	var out struct {
		Result int `json:"result"`
	}
	err := m.ask(ctx, http.MethodPut, "/v1/settings", map[string]utc{"time": {at.UTC().Format(time.RFC3339)}}, &out,
		http.StatusOK)
	if err == nil && out.Result != 1 {
		err = fmt.Errorf("the meter answers %d", out.Result)
	}
	if err != nil {
		return fmt.Errorf("cannot set time: %w", err)
	}
	return nil
}

// End implements sign.Meter.
func (m *Meter) End(ctx context.Context, b kiosk.Signing) ([]string, error) {
	s, err := m.status(ctx)
	if err != nil {
		return nil, err
	}
	return m.end(ctx, s, b.Reference)
}

// end ends a transaction where it runs, and reads its record.
func (m *Meter) end(ctx context.Context, s status, id string) ([]string, error) {
	query := "?transactionId=" + url.QueryEscape(id)
	if *s.Status.Bits.Going {
		var ended struct {
			Value struct {
				Status *int `json:"transactionStatus"`
			} `json:"meterValue"`
		}
		err := m.ask(ctx, http.MethodPut, s.version()+"/legal"+query, map[string]bool{"running": false}, &ended,
			http.StatusOK)
		switch {
		case err != nil:
			return nil, fmt.Errorf("cannot end: %w", err)
		case ended.Value.Status == nil || *ended.Value.Status&goingStatus != 0:
			return nil, errors.New("cannot end: the meter does not say that the transaction has ended")
		}
	}
	var record string
	if err := m.ask(ctx, http.MethodGet, s.version()+"/ocmf"+query, nil, &record, http.StatusOK); err != nil {
		return nil, fmt.Errorf("cannot read the record: %w", err)
	}
	if record == "" {
		return nil, errors.New("cannot read the record: it is empty")
	}
	return []string{record}, nil
}

// Rescue implements sign.Meter.
func (m *Meter) Rescue(ctx context.Context, _ time.Time) ([]string, error) {
	s, err := m.status(ctx)
	if err != nil || !*s.Status.Bits.Going {
		return nil, err
	}
	id, err := m.last(ctx, s)
	if err != nil {
		return nil, err
	}
	return m.end(ctx, s, id)
}

// Done has nothing to confirm: the meter keeps its records.
func (m *Meter) Done(context.Context) error { return nil }

// cut is a text of as many bytes as the meter takes, without broken letters and line breaks.
func cut(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	for len(text) > most {
		r := []rune(text)
		text = string(r[:len(r)-1])
	}
	return text
}
