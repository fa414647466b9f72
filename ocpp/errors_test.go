package ocpp_test

import (
	"strings"
	"testing"
)

// TestWhatIsWrongWithACharger: a connector that is Faulted sells nothing, and says why, by the codes of the ChargeX
// consortium where it has them.
func TestWhatIsWrongWithACharger(t *testing.T) {
	s := newStand(t)
	p := s.connect()
	for said, want := range map[string]string{
		`"connectorId":1,"errorCode":"GroundFailure","status":"Faulted","info":"residual current"`: "CX002 GroundFailure " +
			"residual current",
		`"connectorId":1,"errorCode":"PowerSwitchFailure","status":"Faulted"`: "CX017 PowerSwitchFailure",
		`"connectorId":1,"errorCode":"OtherError","status":"Faulted","vendorId":"ACME",` +
			`"vendorErrorCode":"E17"`: "OtherError (ACME E17)",
		`"connectorId":1,"errorCode":"OtherError","status":"Faulted","vendorId":"https://chargex.inl.gov",` +
			`"vendorErrorCode":"CX004,CX019"`: "CX004 CX019 OtherError",
		`"connectorId":1,"errorCode":"NoError","status":"Faulted"`:          "Faulted, without a reason",
		`"connectorId":1,"errorCode":"HighTemperature","status":"Charging"`: "",
	} {
		p.says("StatusNotification", "{"+said+"}")
		if got := s.inputs().Failed; got != want {
			t.Errorf("%s: it is %q, want %q", said, got, want)
		}
	}
	p.says("StatusNotification", `{"connectorId":1,"errorCode":"OtherError","status":"Faulted",
		"vendorId":"https://chargex.inl.gov","vendorErrorCode":"CX008"}`)
	if in := s.inputs(); !in.Emergency {
		t.Errorf("an emergency stop is %+v", in)
	}
	p.says("StatusNotification", preparing)
	p.says("StatusNotification", `{"connectorId":0,"errorCode":"InternalError","status":"Faulted"}`)
	if got := s.inputs().Failed; !strings.Contains(got, "whole charger: InternalError") {
		t.Errorf("it is %q", got)
	}
}
