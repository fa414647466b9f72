package v16

import (
	"encoding/json"
	"fmt"
	"time"
)

// Actions (chapter 6).
const (
	ActionBootNotification       = "BootNotification"
	ActionHeartbeat              = "Heartbeat"
	ActionStatusNotification     = "StatusNotification"
	ActionAuthorize              = "Authorize"
	ActionStartTransaction       = "StartTransaction"
	ActionMeterValues            = "MeterValues"
	ActionStopTransaction        = "StopTransaction"
	ActionDataTransfer           = "DataTransfer"
	ActionDiagnosticsStatus      = "DiagnosticsStatusNotification"
	ActionFirmwareStatus         = "FirmwareStatusNotification"
	ActionSecurityEvent          = "SecurityEventNotification"
	ActionRemoteStartTransaction = "RemoteStartTransaction"
	ActionRemoteStopTransaction  = "RemoteStopTransaction"
	ActionGetConfiguration       = "GetConfiguration"
	ActionChangeConfiguration    = "ChangeConfiguration"
	ActionSetChargingProfile     = "SetChargingProfile"
	ActionClearChargingProfile   = "ClearChargingProfile"
	ActionTriggerMessage         = "TriggerMessage"
	ActionChangeAvailability     = "ChangeAvailability"
	ActionClearCache             = "ClearCache"
	ActionReset                  = "Reset"
	ActionUnlockConnector        = "UnlockConnector"
)

// Time is a date and time (ISO 8601). It is written in UTC with milliseconds at most. Text is what the peer wrote.
type Time struct {
	time.Time
	Text string
}

// At is a time to be sent.
func At(t time.Time) Time { return Time{Time: t} }

// MarshalJSON writes UTC.
func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
}

// UnmarshalJSON takes what chargers write. A time that cannot be read is no time, and keeps its text: what is billed
// has the kiosk's own time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &t.Text); err != nil {
		return fmt.Errorf("cannot read %s as a time: want a text", b)
	}
	t.Time = time.Time{}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05"} {
		at, err := time.Parse(layout, t.Text)
		if err == nil {
			t.Time = at
			return nil
		}
	}
	return nil
}

// BootNotification (6.1): a charger begins.
type BootNotification struct {
	Vendor      string `json:"chargePointVendor"`
	Model       string `json:"chargePointModel"`
	Serial      string `json:"chargePointSerialNumber,omitempty"`
	BoxSerial   string `json:"chargeBoxSerialNumber,omitempty"`
	Firmware    string `json:"firmwareVersion,omitempty"`
	ICCID       string `json:"iccid,omitempty"`
	IMSI        string `json:"imsi,omitempty"`
	MeterType   string `json:"meterType,omitempty"`
	MeterSerial string `json:"meterSerialNumber,omitempty"`
}

// Registration says whether a charger is taken.
type Registration string

// Registrations.
const (
	Accepted Registration = "Accepted"
	Pending  Registration = "Pending"
	Rejected Registration = "Rejected"
)

// BootResult answers a BootNotification.
type BootResult struct {
	Status   Registration `json:"status"`
	Now      Time         `json:"currentTime"`
	Interval int          `json:"interval"` // of heartbeats, seconds
}

// HeartbeatResult answers a Heartbeat.
type HeartbeatResult struct {
	Now Time `json:"currentTime"`
}

// Status is a connector's (7.7).
type Status string

// Statuses.
const (
	Available     Status = "Available"
	Preparing     Status = "Preparing"
	Charging      Status = "Charging"
	SuspendedEVSE Status = "SuspendedEVSE"
	SuspendedEV   Status = "SuspendedEV"
	Finishing     Status = "Finishing"
	Reserved      Status = "Reserved"
	Unavailable   Status = "Unavailable"
	Faulted       Status = "Faulted"
)

// ErrorCode is a connector's (7.6).
type ErrorCode string

// Error codes.
const (
	ConnectorLockFailure ErrorCode = "ConnectorLockFailure"
	EVCommunicationError ErrorCode = "EVCommunicationError"
	GroundFailure        ErrorCode = "GroundFailure"
	HighTemperature      ErrorCode = "HighTemperature"
	InternalFailure      ErrorCode = "InternalError"
	LocalListConflict    ErrorCode = "LocalListConflict"
	NoError              ErrorCode = "NoError"
	OtherError           ErrorCode = "OtherError"
	OverCurrentFailure   ErrorCode = "OverCurrentFailure"
	OverVoltage          ErrorCode = "OverVoltage"
	PowerMeterFailure    ErrorCode = "PowerMeterFailure"
	PowerSwitchFailure   ErrorCode = "PowerSwitchFailure"
	ReaderFailure        ErrorCode = "ReaderFailure"
	ResetFailure         ErrorCode = "ResetFailure"
	UnderVoltage         ErrorCode = "UnderVoltage"
	WeakSignal           ErrorCode = "WeakSignal"
)

// StatusNotification (6.47): a connector, or the whole charger with connector 0.
type StatusNotification struct {
	Connector   int       `json:"connectorId"`
	ErrorCode   ErrorCode `json:"errorCode"`
	Status      Status    `json:"status"`
	Info        string    `json:"info,omitempty"`
	Timestamp   *Time     `json:"timestamp,omitempty"`
	VendorID    string    `json:"vendorId,omitempty"`
	VendorError string    `json:"vendorErrorCode,omitempty"`
}

// Authorization says whether an idTag may charge (7.2).
type Authorization string

// Authorizations.
const (
	AuthAccepted   Authorization = "Accepted"
	AuthBlocked    Authorization = "Blocked"
	AuthExpired    Authorization = "Expired"
	AuthInvalid    Authorization = "Invalid"
	AuthConcurrent Authorization = "ConcurrentTx"
)

// IDTagInfo is what is said of an idTag.
type IDTagInfo struct {
	Status Authorization `json:"status"`
}

// Authorize (6.1) asks about an idTag.
type Authorize struct {
	IDTag string `json:"idTag"`
}

// AuthorizeResult answers it, and a StopTransaction.
type AuthorizeResult struct {
	IDTagInfo IDTagInfo `json:"idTagInfo"`
}

// StartTransaction (6.45).
type StartTransaction struct {
	Connector   int    `json:"connectorId"`
	IDTag       string `json:"idTag"`
	MeterStart  int64  `json:"meterStart"` // Wh
	Reservation *int   `json:"reservationId,omitempty"`
	Timestamp   Time   `json:"timestamp"`
}

// StartResult answers it.
type StartResult struct {
	IDTagInfo   IDTagInfo `json:"idTagInfo"`
	Transaction int       `json:"transactionId"`
}

// StopReason is why a transaction ended (7.36).
type StopReason string

// Reasons.
const (
	StopDeAuthorized StopReason = "DeAuthorized"
	StopEmergency    StopReason = "EmergencyStop"
	StopDisconnected StopReason = "EVDisconnected"
	StopHardReset    StopReason = "HardReset"
	StopLocal        StopReason = "Local"
	StopOther        StopReason = "Other"
	StopPowerLoss    StopReason = "PowerLoss"
	StopReboot       StopReason = "Reboot"
	StopRemote       StopReason = "Remote"
	StopSoftReset    StopReason = "SoftReset"
	StopUnlock       StopReason = "UnlockCommand"
)

// StopTransaction (6.49).
type StopTransaction struct {
	Transaction int          `json:"transactionId"`
	IDTag       string       `json:"idTag,omitempty"`
	MeterStop   int64        `json:"meterStop"` // Wh
	Timestamp   Time         `json:"timestamp"`
	Reason      StopReason   `json:"reason,omitempty"` // Local where it is missing
	Data        []MeterValue `json:"transactionData,omitempty"`
}

// StopResult answers it.
type StopResult struct {
	IDTagInfo *IDTagInfo `json:"idTagInfo,omitempty"`
}

// MeterValues (6.31).
type MeterValues struct {
	Connector   int          `json:"connectorId"`
	Transaction *int         `json:"transactionId,omitempty"`
	Values      []MeterValue `json:"meterValue"`
}

// Empty is a message that says no more than that it is one.
type Empty struct{}

// DataTransfer (6.16) is a vendor's own.
type DataTransfer struct {
	Vendor  string `json:"vendorId"`
	Message string `json:"messageId,omitempty"`
	Data    string `json:"data,omitempty"`
}

// DataTransferResult answers it.
type DataTransferResult struct {
	Status string `json:"status"` // Accepted, Rejected, UnknownMessageId, UnknownVendorId
}
