package v2

import "kioskd/ocpp/v16"

// Time is a date and time, as in 1.6.
type Time = v16.Time

// Actions (part 2, chapter 1).
const (
	ActionBootNotification        = "BootNotification"
	ActionHeartbeat               = "Heartbeat"
	ActionStatusNotification      = "StatusNotification"
	ActionNotifyEvent             = "NotifyEvent"
	ActionAuthorize               = "Authorize"
	ActionTransactionEvent        = "TransactionEvent"
	ActionMeterValues             = "MeterValues"
	ActionSecurityEvent           = "SecurityEventNotification"
	ActionDataTransfer            = "DataTransfer"
	ActionRequestStartTransaction = "RequestStartTransaction"
	ActionRequestStopTransaction  = "RequestStopTransaction"
	ActionGetVariables            = "GetVariables"
	ActionSetVariables            = "SetVariables"
	ActionSetChargingProfile      = "SetChargingProfile"
	ActionTriggerMessage          = "TriggerMessage"
	ActionUnlockConnector         = "UnlockConnector"
	ActionReset                   = "Reset"
)

// BootNotification: a charger begins.
type BootNotification struct {
	Reason  string  `json:"reason"` // PowerUp, Watchdog, RemoteReset, ...
	Station Station `json:"chargingStation"`
}

// Station is what a charger is.
type Station struct {
	Serial   string `json:"serialNumber,omitempty"`
	Model    string `json:"model"`
	Vendor   string `json:"vendorName"`
	Firmware string `json:"firmwareVersion,omitempty"`
}

// BootResult answers a BootNotification.
type BootResult struct {
	Now      Time             `json:"currentTime"`
	Interval int              `json:"interval"` // seconds
	Status   v16.Registration `json:"status"`
}

// ConnectorStatus is a connector's.
type ConnectorStatus string

// Connector statuses.
const (
	Available   ConnectorStatus = "Available"
	Occupied    ConnectorStatus = "Occupied"
	Reserved    ConnectorStatus = "Reserved"
	Unavailable ConnectorStatus = "Unavailable"
	Faulted     ConnectorStatus = "Faulted"
)

// StatusNotification is a connector's state.
type StatusNotification struct {
	Timestamp Time            `json:"timestamp"`
	Status    ConnectorStatus `json:"connectorStatus"`
	EVSE      int             `json:"evseId"`
	Connector int             `json:"connectorId"`
}

// EVSE is one of a charger's, and perhaps a connector of it.
type EVSE struct {
	ID        int `json:"id"`
	Connector int `json:"connectorId,omitempty"`
}

// NotifyEvent tells variables of the device model that changed: in 2.1 also a connector's state.
type NotifyEvent struct {
	GeneratedAt Time    `json:"generatedAt"`
	Seq         int     `json:"seqNo"`
	More        bool    `json:"tbc,omitempty"`
	Events      []Event `json:"eventData"`
}

// Event is a change of a variable.
type Event struct {
	ID           int       `json:"eventId"`
	Timestamp    Time      `json:"timestamp"`
	Trigger      string    `json:"trigger"`
	Value        string    `json:"actualValue"`
	TechCode     string    `json:"techCode,omitempty"`
	TechInfo     string    `json:"techInfo,omitempty"`
	Cleared      bool      `json:"cleared,omitempty"`
	Component    Component `json:"component"`
	Variable     Variable  `json:"variable"`
	Notification string    `json:"eventNotificationType"`
}

// Component is a part of a charger in its device model.
type Component struct {
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"`
	EVSE     *EVSE  `json:"evse,omitempty"`
}

// Variable is one of a component's.
type Variable struct {
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"`
}

// IDToken is who asks for energy.
type IDToken struct {
	Token string `json:"idToken"`
	Type  string `json:"type"` // Central for a session's reference
	More  []More `json:"additionalInfo,omitempty"`
}

// More is what else is known of a token, by kind: of a DirectPayment the brand of the card, and the like (2.1, C18).
type More struct {
	Value string `json:"additionalIdToken"`
	Kind  string `json:"type"`
}

// TokenInfo is what is said of an IDToken.
type TokenInfo struct {
	Status v16.Authorization `json:"status"`
}

// EventType is where a transaction is.
type EventType string

// Types of TransactionEvent.
const (
	Started EventType = "Started"
	Updated EventType = "Updated"
	Ended   EventType = "Ended"
)

// ChargingState is what a transaction does.
type ChargingState string

// Charging states.
const (
	Charging      ChargingState = "Charging"
	EVConnected   ChargingState = "EVConnected"
	SuspendedEV   ChargingState = "SuspendedEV"
	SuspendedEVSE ChargingState = "SuspendedEVSE"
	Idle          ChargingState = "Idle"
)

// TransactionEvent tells of a transaction (E02 and following): it stands for StartTransaction, MeterValues and
// StopTransaction of 1.6.
type TransactionEvent struct {
	Type      EventType    `json:"eventType"`
	Timestamp Time         `json:"timestamp"`
	Trigger   string       `json:"triggerReason"`
	Seq       int          `json:"seqNo"` // of the transaction, from 0 without a gap
	Offline   bool         `json:"offline,omitempty"`
	Info      Transaction  `json:"transactionInfo"`
	EVSE      *EVSE        `json:"evse,omitempty"`
	IDToken   *IDToken     `json:"idToken,omitempty"`
	Values    []MeterValue `json:"meterValue,omitempty"`
	Cost      *Cost        `json:"costDetails,omitempty"` // 2.1 alone
}

// Transaction is what a charger says of one.
type Transaction struct {
	ID            string        `json:"transactionId"` // the charger's own, 36 characters at most
	State         ChargingState `json:"chargingState,omitempty"`
	StoppedReason string        `json:"stoppedReason,omitempty"`
	RemoteStart   *int          `json:"remoteStartId,omitempty"`
	Charged       int           `json:"timeSpentCharging,omitempty"` // seconds
	Tariff        string        `json:"tariffId,omitempty"`          // 2.1 alone
	Limit         *Limit        `json:"transactionLimit,omitempty"`  // 2.1 alone
}

// TransactionResult answers it.
type TransactionResult struct {
	TokenInfo *TokenInfo `json:"idTokenInfo,omitempty"`
	Limit     *Limit     `json:"transactionLimit,omitempty"` // 2.1 alone
}

// Limit is where a charger of 2.1 ends a transaction by itself.
type Limit struct {
	MaxCost   Decimal `json:"maxCost,omitempty"`
	MaxEnergy Decimal `json:"maxEnergy,omitempty"` // Wh
	MaxTime   int     `json:"maxTime,omitempty"`   // seconds
}

// RequestStart asks a charger to begin.
type RequestStart struct {
	EVSE        int              `json:"evseId,omitempty"`
	IDToken     IDToken          `json:"idToken"`
	RemoteStart int              `json:"remoteStartId"`
	Profile     *ChargingProfile `json:"chargingProfile,omitempty"`
}

// RequestStop asks it to end.
type RequestStop struct {
	Transaction string `json:"transactionId"`
}

// ChargingProfile limits what a transaction draws.
type ChargingProfile struct {
	ID          int        `json:"id"`
	Stack       int        `json:"stackLevel"`
	Purpose     string     `json:"chargingProfilePurpose"`
	Kind        string     `json:"chargingProfileKind"`
	Transaction string     `json:"transactionId,omitempty"`
	Schedules   []Schedule `json:"chargingSchedule"`
}

// Schedule is a profile's; it has a number of its own in 2.x.
type Schedule struct {
	ID      int          `json:"id"`
	Start   *Time        `json:"startSchedule,omitempty"`
	Unit    string       `json:"chargingRateUnit"`
	Periods []v16.Period `json:"chargingSchedulePeriod"`
}

// SetChargingProfile sets one.
type SetChargingProfile struct {
	EVSE    int             `json:"evseId"`
	Profile ChargingProfile `json:"chargingProfile"`
}

// SetVariables writes variables of the device model.
type SetVariables struct {
	Data []SetVariable `json:"setVariableData"`
}

// SetVariable is one of them.
type SetVariable struct {
	Attribute string    `json:"attributeType,omitempty"` // Actual where it is missing
	Value     string    `json:"attributeValue"`
	Component Component `json:"component"`
	Variable  Variable  `json:"variable"`
}

// SetResults answers it.
type SetResults struct {
	Results []VariableResult `json:"setVariableResult"`
}

// GetVariables reads some.
type GetVariables struct {
	Data []GetVariable `json:"getVariableData"`
}

// GetVariable is one of them.
type GetVariable struct {
	Attribute string    `json:"attributeType,omitempty"` // Actual where it is missing
	Component Component `json:"component"`
	Variable  Variable  `json:"variable"`
}

// GetResults answers it.
type GetResults struct {
	Results []VariableResult `json:"getVariableResult"`
}

// VariableResult is what became of one variable.
type VariableResult struct {
	Attribute string    `json:"attributeType,omitempty"`
	Status    string    `json:"attributeStatus"` // Accepted, Rejected, UnknownComponent, UnknownVariable, ...
	Why       *Why      `json:"attributeStatusInfo,omitempty"`
	Value     string    `json:"attributeValue,omitempty"`
	Component Component `json:"component"`
	Variable  Variable  `json:"variable"`
}

// TriggerMessage asks a charger to say something.
type TriggerMessage struct {
	Message string `json:"requestedMessage"`
	EVSE    *EVSE  `json:"evse,omitempty"`
}

// UnlockConnector unlocks a cable.
type UnlockConnector struct {
	EVSE      int `json:"evseId"`
	Connector int `json:"connectorId"`
}

// Reset begins a charger anew.
type Reset struct {
	Type string `json:"type"` // Immediate, OnIdle
	EVSE int    `json:"evseId,omitempty"`
}
