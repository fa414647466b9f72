package simulator

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"kioskd"
)

// DCBM is a LEM DCBM 400 or 600 behind a bay: an HTTP server that signs with a key of its own.
type DCBM struct {
	signer
	// Firmware is its version; one whose second part is above 1 has what is legal at /v2.
	Firmware string

	bay     *Bay
	mu      sync.Mutex
	page    int
	running *transaction
	last    string
	records map[string]string
	set     time.Time // its clock
	setAt   time.Time
}

// transaction is one that runs.
type transaction struct {
	ID     string `json:"transactionId"`
	EVSE   string `json:"evseId"`
	Client string `json:"clientId"`
	Text   string `json:"TT"`

	began string
	first string
}

// LEM is the model of the meter that speaks HTTP.
const LEM = "DCBM-400"

// NewDCBM is a bay's meter.
func NewDCBM(b *Bay) (*DCBM, error) {
	out := &DCBM{Firmware: "1.2.0.0", bay: b, page: 5, records: map[string]string{}}
	return out, out.create(elliptic.P256(), p256())
}

// Step is what its records count in.
func (m *DCBM) Step() kiosk.Energy { return 1 }

// Misbehave lets the meter sign as a fault has it.
func (m *DCBM) Misbehave(f SignFault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.misbehave(f)
}

// ServeHTTP implements http.Handler.
func (m *DCBM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	version := "/v1"
	if part := strings.Split(m.Firmware, "."); len(part) == 4 && part[1] > "1" {
		version = "/v2"
	}
	id := r.URL.Query().Get("transactionId")
	if m.Refuses && r.Method != http.MethodGet {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/status":
		m.answer(w, http.StatusOK, m.status())
	case "PUT /v1/settings":
		m.settings(w, r)
	case "GET " + version + "/livemeasure":
		m.answer(w, http.StatusOK, m.live())
	case "GET " + version + "/legal":
		m.answer(w, http.StatusOK, map[string]any{"transactionId": m.last})
	case "POST " + version + "/legal":
		m.begin(w, r, version == "/v2")
	case "PUT " + version + "/legal":
		m.end(w, id)
	case "GET " + version + "/ocmf":
		record, ok := m.records[id]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, record)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (m *DCBM) answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}

// thousandths is a number with three decimals.
func thousandths(v int64) string { return fmt.Sprintf("%d.%03d", v/1000, v%1000) }

func (m *DCBM) serial() string { return fmt.Sprint(m.bay.State().Serial) }

func (m *DCBM) clock() string { return m.set.Add(time.Since(m.setAt)).UTC().Format(time.RFC3339) }

func (m *DCBM) status() map[string]any {
	going := m.running != nil
	value := 17
	if going {
		value |= 4
	}
	return map[string]any{
		"meterId": m.serial(), "publicKeyOcmf": fmt.Sprintf("%x", m.point()), "time": m.clock(),
		"status": map[string]any{"value": value, "bits": map[string]bool{"suLinkStatusIsOk": true,
			"muFatalErrorOccured": false, "transactionIsOnGoing": going, "tamperingIsDetected": false,
			"timeSyncStatusIsOk": true, "overTemperatureIsDetected": false, "reversedVoltage": false,
			"suMeasureFailureOccurred": false}},
		"version":                map[string]string{"applicationFirmwareVersion": m.Firmware},
		"indexOfLastTransaction": m.page, "numberOfStoredTransactions": len(m.records),
	}
}

// live is what flows, at 400 V.
func (m *DCBM) live() map[string]any {
	s := m.bay.State()
	number := func(v int64) json.Number { return json.Number(thousandths(v)) }
	return map[string]any{"voltage": 400, "current": number(int64(s.Power) * 1000 / 400),
		"power": number(int64(s.Power)), "temperatureH": 21, "temperatureL": 20,
		"energyImportTotal": number(int64(s.Register)), "energyExportTotal": number(0), "timestamp": m.clock()}
}

// settings sets the clock, not while a transaction runs.
func (m *DCBM) settings(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Time struct {
			UTC time.Time `json:"utc"`
		} `json:"time"`
	}
	result := 1
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Time.UTC.IsZero() || m.running != nil {
		result = 0
	} else {
		m.set, m.setAt = in.Time.UTC, time.Now()
	}
	m.answer(w, http.StatusOK, map[string]any{"meterId": m.serial(), "result": result})
}

func (m *DCBM) begin(w http.ResponseWriter, r *http.Request, second bool) {
	var t transaction
	raw := map[string]json.RawMessage{}
	text := json.NewDecoder(r.Body)
	err := text.Decode(&raw)
	for _, field := range []string{"evseId", "transactionId", "clientId", "tariffId", "cableId", "userData"} {
		if raw[field] == nil {
			err = fmt.Errorf("%s is missing", field)
		}
	}
	if second != (raw["TT"] != nil) {
		err = fmt.Errorf("TT: %s", raw["TT"])
	}
	for field, to := range map[string]*string{"transactionId": &t.ID, "evseId": &t.EVSE, "clientId": &t.Client} {
		if err == nil {
			err = json.Unmarshal(raw[field], to)
		}
	}
	if err == nil && second {
		err = json.Unmarshal(raw["TT"], &t.Text)
	}
	if err != nil || m.running != nil || m.set.IsZero() || len(t.Client) > 37 || len(t.Text) > 20 {
		m.answer(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprint(err)})
		return
	}
	t.began, t.first = m.stamped(), thousandths(int64(m.bay.State().Register))
	m.running, m.last = &t, t.ID
	m.answer(w, http.StatusCreated, map[string]any{"evseId": t.EVSE, "transactionId": t.ID, "clientId": t.Client,
		"tariffId": 0, "cableId": 0, "running": true})
}

// stamped is the clock as a record has it.
func (m *DCBM) stamped() string {
	return strings.TrimSuffix(stamp(m.set.Add(time.Since(m.setAt))), "S") + "R"
}

func (m *DCBM) end(w http.ResponseWriter, id string) {
	if m.running == nil || m.running.ID != id {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	t := m.running
	m.page++
	row := func(register, value string) string {
		return fmt.Sprintf(`"RV":%s,"RI":"%s","RU":"kWh","RT":"DC","EF":"","ST":"G","UC":{"UN":"2mR_Comp","UI":1,"UR":2}`,
			value, register)
	}
	reading := func(when, event, value string) string {
		return fmt.Sprintf(`{"TM":"%s","TX":"%s",%s},{%s}`, when, event, row("1-0:1.8.0", value),
			row("1-0:2.8.0", "0.000")) // what is as in the row before is left out
	}
	payload := fmt.Sprintf(`{"FV":"1.0","GI":"LEM DCBM","GS":"%[1]s","GV":"v1","PG":"T%[2]d","MV":"LEM","MM":"DCBM400",`+
		`"MS":"%[1]s","MF":"%[3]s","IS":true,"IL":"NONE","IF":[],"IT":"UNDEFINED","ID":%[4]s,"TT":%[5]s,"CT":"EVSEID",`+
		`"CI":%[6]s,"RD":[%[7]s,%[8]s]}`, m.serial(), m.page, m.Firmware, quoted(t.Client), quoted(t.Text),
		quoted(t.EVSE), reading(t.began, "B", t.first),
		reading(m.stamped(), "E", thousandths(int64(m.bay.State().Register))))
	m.records[id] = m.record(payload, "ECDSA-secp256r1-SHA256")
	m.running = nil
	m.answer(w, http.StatusOK, map[string]any{"paginationCounter": m.page, "transactionId": id,
		"meterValue": map[string]any{"transactionStatus": 17}, "meterId": m.serial()})
}
