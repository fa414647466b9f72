package ocppj

import (
	"errors"
	"strings"
	"testing"
)

// TestTheSpecificationsExamples are those of OCPP-J 1.6, 4.2.1 to 4.2.3.
func TestTheSpecificationsExamples(t *testing.T) {
	f, err := Parse([]byte(`[2,
		"19223201",
		"BootNotification",
		{"chargePointVendor": "VendorX", "chargePointModel": "SingleSocketCharger"}
	]`))
	if err != nil || f.Type != TypeCall || f.ID != "19223201" || f.Action != "BootNotification" {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = Parse([]byte(`[3,
		"19223201",
		{"status":"Accepted", "currentTime":"2013-02-01T20:53:32.486Z", "heartbeatInterval":300}
	]`))
	if err != nil || f.Type != TypeCallResult || f.ID != "19223201" ||
		!strings.Contains(string(f.Payload), "Accepted") {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = Parse([]byte(`[4,"162376037","NotSupported","SetDisplayMessageRequest not implemented",{}]`))
	if err != nil || f.Err == nil || f.Err.Code != NotSupported || !strings.HasPrefix(f.Err.Description, "SetDisplay") {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestWhatIsNoFrame is refused with what could be read of it, so that a call can be answered.
func TestWhatIsNoFrame(t *testing.T) {
	for text, id := range map[string]string{
		``: "", `x`: "", `{}`: "", `[]`: "", `[2]`: "", `["2","1","Heartbeat",{}]`: "", `[2,7,"Heartbeat",{}]`: "",
		`[2,"","Heartbeat",{}]`: "", `[2,"1"]`: "1", `[2,"1","Heartbeat"]`: "1", `[2,"1","",{}]`: "1",
		`[2,"1","Heartbeat",{},{}]`: "1", `[2,"1","Heartbeat",null]`: "1", `[2,"1","Heartbeat",[]]`: "1",
		`[3,"1"]`: "1", `[3,"1",7]`: "1", `[4,"1"]`: "1", `[9,"1",{}]`: "1",
		`[2,"` + strings.Repeat("a", 37) + `","Heartbeat",{}]`: "",
	} {
		_, err := Parse([]byte(text))
		var bad *BadFrame
		if !errors.As(err, &bad) || bad.ID != id {
			t.Errorf("%s: %v, id %q", text, err, bad.ID)
		}
	}
}

// FuzzFrame: what is read can be written, and reads the same.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{`[2,"1","Heartbeat",{}]`, `[3,"1",{"a":1}]`, `[4,"1","GenericError","x",{}]`,
		`[6,"1","NotifyPeriodicEventStream",{}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := Parse(data)
		if err != nil {
			return
		}
		out, err := frame.Encode()
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := Parse(out)
		if err != nil || again.Type != frame.Type || again.ID != frame.ID || again.Action != frame.Action {
			t.Errorf("%q became %q: %v", data, out, err)
		}
	})
}
