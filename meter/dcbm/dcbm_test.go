package dcbm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd"
	"kioskd/meter/dcbm"
	"kioskd/meter/ocmf"
	"kioskd/simulator"
)

// world is a simulated meter behind a bay, and its driver.
type world struct {
	bay    *simulator.Bay
	device *simulator.DCBM
	driver *dcbm.Meter

	mu    sync.Mutex // held while a request is served
	asked []string
	// meddle may answer in the meter's place.
	meddle func(w http.ResponseWriter, r *http.Request) bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	out := &world{bay: simulator.NewBay(1_234_567, 4711, 1)}
	out.bay.Plug(simulator.Car{Power: 50_000, Need: 1 << 40})
	var err error
	out.device, err = simulator.NewDCBM(out.bay)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out.mu.Lock()
		defer out.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		out.asked = append(out.asked, fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body))
		if out.meddle == nil || !out.meddle(w, r) {
			out.device.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	out.driver, err = dcbm.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func begin() kiosk.Signing {
	return kiosk.Signing{Reference: `7GK2&M4Q "é`, EVSE: "DE*ABC*E001*1", Tariff: "0.49 EUR/kWh and\n1 EUR a start",
		At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// judged is a record and the key that the meter tells, judged.
func judged(t *testing.T, m *dcbm.Meter, records []string) (ocmf.Transaction, error) {
	t.Helper()
	if len(records) != 1 {
		t.Fatalf("records %q", records)
	}
	key, err := m.Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := ocmf.Parse(records[0])
	if err != nil {
		return ocmf.Transaction{}, err
	}
	if err := r.Verify(key); err != nil {
		return ocmf.Transaction{}, err
	}
	return ocmf.Pair(r, r)
}

// TestATransaction of either firmware is whole: its record proves what the register counted.
func TestATransaction(t *testing.T) {
	for _, firmware := range []string{"1.1.0.0", "1.2.0.0", "1.10.0.0", "0.9"} {
		s := newWorld(t)
		s.device.Firmware = firmware
		if records, err := s.driver.Begin(t.Context(), begin()); err != nil || len(records) > 0 {
			t.Fatalf("%s: %q, %v", firmware, records, err)
		}
		s.bay.Switch(true)
		before, err := s.driver.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		records, err := s.driver.End(t.Context(), begin())
		if err != nil {
			t.Fatalf("%s: %v", firmware, err)
		}
		x, err := judged(t, s.driver, records)
		if err != nil {
			t.Fatalf("%s: %v", firmware, err)
		}
		if x.Meter == "" || x.Clock != 'R' || x.Start.Value.Cmp(x.Stop.Value) > 0 ||
			x.Begin.Payload.ID != begin().Reference || before.Serial != "4711" || before.Import < 1_234_567 {
			t.Errorf("%s: %+v, before %+v", firmware, x, before)
		}
		again, err := s.driver.End(t.Context(), begin())
		if err != nil || again[0] != records[0] {
			t.Errorf("%s: asked again: %q, %v", firmware, again, err)
		}
	}
}

// TestWhatIsSaid is what EVerest's tests of its driver expect, with our identification.
func TestWhatIsSaid(t *testing.T) {
	s := newWorld(t)
	s.device.Firmware = "1.1.0.0"
	b := begin()
	b.Reference, b.EVSE = "mock_transaction_id", "mock_evse_id"
	if _, err := s.driver.Begin(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.driver.End(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`GET /v1/status `,
		`PUT /v1/settings {"time":{"utc":"2026-03-02T09:00:00Z"}}`,
		`POST /v1/legal {"evseId":"mock_evse_id","transactionId":"mock_transaction_id",` +
			`"clientId":"mock_transaction_id","tariffId":0,"cableId":0,"userData":""}`,
		`GET /v1/status `,
		`PUT /v1/legal?transactionId=mock_transaction_id {"running":false}`,
		`GET /v1/ocmf?transactionId=mock_transaction_id `,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

// instead answers one path in the meter's place.
func (s *world) instead(path string, code int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method+" "+r.URL.Path != path {
			return false
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		return true
	}
}

// TestLiveValues: the first answer is that of EVerest's test; what is missing or odd is never a reading.
func TestLiveValues(t *testing.T) {
	s := newWorld(t)
	const rest = `"voltage":4.2,"current":4,"temperatureH":0,"temperatureL":0,"energyExportTotal":2,` +
		`"timestamp":"2023-09-10T21:10:08.068773"}`
	s.instead("GET /v2/livemeasure", 200, `{"power":3,"energyImportTotal":1,`+rest)
	r, err := s.driver.Read(t.Context())
	if err != nil || r.Import != 1000 || r.Power != 3000 || r.Voltage[0] != 4200 || r.Current[0] != 4000 || !r.Named {
		t.Fatalf("reading %+v, %v", r, err)
	}
	s.instead("GET /v2/livemeasure", 200, `{"power":-0.0004,"energyImportTotal":188.977,`+rest)
	if r, err := s.driver.Read(t.Context()); err != nil || r.Import != kiosk.Energy(188_977) || r.Named {
		t.Errorf("reading %+v, %v", r, err)
	}
	for body, want := range map[string]string{
		`{"power":3,` + rest:                                             "energyImportTotal: it is missing",
		`{"energyImportTotal":3,` + rest:                                 "power: it is missing",
		`{"power":3,"energyImportTotal":null,` + rest:                    "energyImportTotal: it is missing",
		`{"power":3,"energyImportTotal":-1,` + rest:                      "energyImportTotal is -1",
		`{"power":3,"energyImportTotal":1e9,` + rest:                     "no number with digits alone",
		`{"power":3,"energyImportTotal":99999999999999999999999,` + rest: "out of range",
		`{"power":3,"energyImportTotal":true,` + rest:                    "json",
		`{"power":3,"energyImportTotal":1,`:                              "unexpected end",
		``:                                                               "unexpected end",
		strings.Repeat(" ", 64<<10) + `{}`:                               "more than 65536 bytes",
	} {
		s.instead("GET /v2/livemeasure", 200, body)
		if r, err := s.driver.Read(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %+v, error %v, want %q", body, r, err, want)
		}
	}
}

// TestStatus: an answer without what is asked for is no answer.
func TestStatus(t *testing.T) {
	s := newWorld(t)
	bits := func(text string) string { return `{"meterId":"1","status":{"bits":{` + text + `}}}` }
	for body, want := range map[string]string{
		`{"status":{"bits":{"transactionIsOnGoing":false,"muFatalErrorOccured":false}}}`: "meterId is missing",

		bits(`"muFatalErrorOccured":false`):                             "transactionIsOnGoing or",
		bits(`"transactionIsOnGoing":false`):                            "is missing",
		bits(`"transactionIsOnGoing":false,"muFatalErrorOccured":true`): "fatal error",
		`[]`: "cannot unmarshal",
	} {
		s.instead("GET /v1/status", 200, body)
		for what, err := range map[string]error{"read": second(s.driver.Read(t.Context())),
			"begin": second(s.driver.Begin(t.Context(), begin())), "end": second(s.driver.End(t.Context(), begin())),
			"rescue": second(s.driver.Rescue(t.Context(), time.Now()))} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: error %v, want %q", body, what, err, want)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestTroubleAtEveryStep ends in an error, and a second try is whole, whatever was carried out meanwhile.
func TestTroubleAtEveryStep(t *testing.T) {
	steps := []string{"GET /v1/status", "PUT /v1/settings", "POST /v2/legal", "PUT /v2/legal", "GET /v2/ocmf"}
	for _, step := range steps {
		for _, carried := range []bool{false, true} {
			s := newWorld(t)
			failed := false
			s.meddle = func(w http.ResponseWriter, r *http.Request) bool {
				if failed || r.Method+" "+r.URL.Path != step {
					return false
				}
				failed = true
				if carried {
					s.device.ServeHTTP(httptest.NewRecorder(), r)
				}
				panic(http.ErrAbortHandler) // the line breaks
			}
			broke := func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return failed
			}
			_, err := s.driver.Begin(t.Context(), begin())
			if lost := step == "POST /v2/legal" && carried; (err == nil) == (broke() && !lost) {
				t.Errorf("%s, carried out %v: begin: %v", step, carried, err)
			}
			if err != nil {
				if _, err := s.driver.Begin(t.Context(), begin()); err != nil {
					t.Errorf("%s, carried out %v: begin again: %v", step, carried, err)
				}
			}
			records, err := s.driver.End(t.Context(), begin())
			if err != nil {
				records, err = s.driver.End(t.Context(), begin())
			}
			if err != nil || !broke() {
				t.Errorf("%s, carried out %v: end: %v (broke %v)", step, carried, err, broke())
				continue
			}
			if _, err := judged(t, s.driver, records); err != nil {
				t.Errorf("%s, carried out %v: %v", step, carried, err)
			}
		}
	}
}

// TestAnOpenTransactionIsRescued, which another process began.
func TestAnOpenTransactionIsRescued(t *testing.T) {
	s := newWorld(t)
	if _, err := s.driver.Begin(t.Context(), begin()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.driver.Begin(t.Context(), begin()); !errors.Is(err, kiosk.ErrSigning) {
		t.Fatalf("a second transaction: %v", err)
	}
	records, err := s.driver.Rescue(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := judged(t, s.driver, records); err != nil {
		t.Error(err)
	}
	if records, err := s.driver.Rescue(t.Context(), time.Now()); err != nil || len(records) > 0 {
		t.Errorf("rescued %q, %v, and nothing was open", records, err)
	}
	if _, err := s.driver.Begin(t.Context(), begin()); err != nil {
		t.Error(err)
	}
}

// TestASpoiledRecord is not believed.
func TestASpoiledRecord(t *testing.T) {
	s := newWorld(t)
	s.device.Spoil = func(record string) string { return strings.Replace(record, `"1-0:2.8.0"`, `"1-0:2.8.1"`, 1) }
	if _, err := s.driver.Begin(t.Context(), begin()); err != nil {
		t.Fatal(err)
	}
	records, err := s.driver.End(t.Context(), begin())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := judged(t, s.driver, records); !errors.Is(err, ocmf.ErrForged) {
		t.Errorf("error %v", err)
	}
}

// TestAddresses that are none.
func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "https://10.0.0.2", "http://", "10.0.0.2", "http://10.0.0.2/v1",
		"http://a b"} {
		if _, err := dcbm.New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
