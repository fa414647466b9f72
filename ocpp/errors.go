package ocpp

import (
	"fmt"
	"strings"

	"kioskd"
	"kioskd/ocpp/v16"
)

// chargeX is the vendorId under which vendorErrorCode is a list of the ChargeX consortium's codes (minimum required
// error codes, 2023).
const chargeX = "https://chargex.inl.gov"

// chargeXCode is the consortium's code of an error code of OCPP 1.6 (7.6); empty for one that it does not have.
func chargeXCode(e v16.ErrorCode) string {
	number, ok := map[v16.ErrorCode]int{v16.ConnectorLockFailure: 1, v16.GroundFailure: 2, v16.HighTemperature: 3,
		v16.OverCurrentFailure: 4, v16.OverVoltage: 5, v16.UnderVoltage: 6, v16.WeakSignal: 7,
		v16.EVCommunicationError: 14, v16.PowerSwitchFailure: 17}[e]
	if !ok {
		return ""
	}
	return fmt.Sprintf("CX%03d", number)
}

// trouble says in words what a charger says is wrong with a connector: its codes first, then what it adds.
func trouble(m v16.StatusNotification) string {
	var out []string
	code := chargeXCode(m.ErrorCode)
	if m.VendorID == chargeX {
		code = strings.Join(strings.FieldsFunc(m.VendorError, func(r rune) bool { return r == ',' || r == ' ' }), " ")
	}
	for _, s := range []string{code, string(m.ErrorCode), m.Info} {
		if s != "" && s != string(v16.NoError) {
			out = append(out, s)
		}
	}
	if m.VendorError != "" && m.VendorID != chargeX {
		out = append(out, "("+strings.TrimSpace(m.VendorID+" "+m.VendorError)+")")
	}
	if len(out) == 0 {
		return "Faulted, without a reason"
	}
	return strings.Join(out, " ")
}

// emergency tells whether it is an emergency stop that is pressed: OCPP 1.6 has no error code of its own for it.
func emergency(m v16.StatusNotification) bool {
	return m.VendorID == chargeX && strings.Contains(m.VendorError, string(kiosk.FaultEmergencyStop))
}
