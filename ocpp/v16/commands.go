package v16

import (
	"fmt"
	"unicode/utf8"
)

// CommandResult answers a command: Accepted or Rejected, and what a command has besides.
type CommandResult struct {
	Status string `json:"status"`
}

// Results of commands.
const (
	ResultAccepted       = "Accepted"
	ResultRejected       = "Rejected"
	ResultScheduled      = "Scheduled"      // ChangeAvailability: after the transaction
	ResultRebootRequired = "RebootRequired" // ChangeConfiguration
	ResultNotSupported   = "NotSupported"   // ChangeConfiguration, SetChargingProfile, UnlockConnector
	ResultNotImplemented = "NotImplemented" // TriggerMessage
	ResultUnlocked       = "Unlocked"       // UnlockConnector
)

// RemoteStart (6.33).
type RemoteStart struct {
	Connector int              `json:"connectorId,omitempty"`
	IDTag     string           `json:"idTag"`
	Profile   *ChargingProfile `json:"chargingProfile,omitempty"`
}

// longestIDTag is the longest idTag (7.28).
const longestIDTag = 20

// Check tells what its schema would refuse.
func (m RemoteStart) Check() error {
	if m.IDTag == "" || utf8.RuneCountInString(m.IDTag) > longestIDTag {
		return fmt.Errorf("idTag %q: want 1 to %d characters", m.IDTag, longestIDTag)
	}
	return nil
}

// RemoteStop (6.35).
type RemoteStop struct {
	Transaction int `json:"transactionId"`
}

// GetConfiguration (6.23): no key is all of them.
type GetConfiguration struct {
	Key []string `json:"key,omitempty"`
}

// ConfigurationKey is a setting of a charger (7.31).
type ConfigurationKey struct {
	Key      string `json:"key"`
	ReadOnly bool   `json:"readonly"`
	Value    string `json:"value,omitempty"`
}

// Configuration answers GetConfiguration.
type Configuration struct {
	Keys    []ConfigurationKey `json:"configurationKey,omitempty"`
	Unknown []string           `json:"unknownKey,omitempty"`
}

// ChangeConfiguration (6.9).
type ChangeConfiguration struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Limits of a setting (6.9).
const (
	longestKey   = 50
	longestValue = 500
)

// Check tells what its schema would refuse.
func (m ChangeConfiguration) Check() error {
	if m.Key == "" || utf8.RuneCountInString(m.Key) > longestKey {
		return fmt.Errorf("key %q: want 1 to %d characters", m.Key, longestKey)
	}
	if n := utf8.RuneCountInString(m.Value); n > longestValue {
		return fmt.Errorf("%s: a value of %d characters, at most %d are possible", m.Key, n, longestValue)
	}
	return nil
}

// ChargingProfile (7.8).
type ChargingProfile struct {
	ID          int      `json:"chargingProfileId"`
	Transaction int      `json:"transactionId,omitempty"`
	Stack       int      `json:"stackLevel"`
	Purpose     string   `json:"chargingProfilePurpose"` // TxProfile
	Kind        string   `json:"chargingProfileKind"`    // Absolute, Relative
	Schedule    Schedule `json:"chargingSchedule"`
}

// Schedule (7.13).
type Schedule struct {
	Start   *Time    `json:"startSchedule,omitempty"`
	Unit    string   `json:"chargingRateUnit"` // A, W
	Periods []Period `json:"chargingSchedulePeriod"`
}

// Period (7.14): a limit from so many seconds on.
type Period struct {
	Start int     `json:"startPeriod"`
	Limit Decimal `json:"limit"` // with one digit at most
}

// SetChargingProfile (6.43).
type SetChargingProfile struct {
	Connector int             `json:"connectorId"`
	Profile   ChargingProfile `json:"csChargingProfiles"`
}

// TriggerMessage (6.51).
type TriggerMessage struct {
	Message   string `json:"requestedMessage"`
	Connector int    `json:"connectorId,omitempty"`
}

// ChangeAvailability (6.7).
type ChangeAvailability struct {
	Connector int    `json:"connectorId"`
	Type      string `json:"type"` // Operative, Inoperative
}

// Reset (6.37).
type Reset struct {
	Type string `json:"type"` // Soft, Hard
}

// UnlockConnector (6.53).
type UnlockConnector struct {
	Connector int `json:"connectorId"`
}
