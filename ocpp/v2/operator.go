package v2

// What a charging station of 2.1 and its central system say beyond what a charger of 2.0.1 does: payment (block C),
// tariffs and cost (block I), reports, availability and logs.

// Actions.
const (
	ActionNotifySettlement        = "NotifySettlement"
	ActionNotifyReport            = "NotifyReport"
	ActionLogStatus               = "LogStatusNotification"
	ActionGetBaseReport           = "GetBaseReport"
	ActionGetReport               = "GetReport"
	ActionGetTransactionStatus    = "GetTransactionStatus"
	ActionChangeAvailability      = "ChangeAvailability"
	ActionGetLog                  = "GetLog"
	ActionNotifyWebPayment        = "NotifyWebPaymentStarted"
	ActionSetDefaultTariff        = "SetDefaultTariff"
	ActionGetTariffs              = "GetTariffs"
	ActionClearTariffs            = "ClearTariffs"
	ActionChangeTransactionTariff = "ChangeTransactionTariff"
)

// Why says why a request was not taken: a code of 20 characters at most, and words.
type Why struct {
	Code string `json:"reasonCode"`
	Text string `json:"additionalInfo,omitempty"`
}

// Answer is the status of a request, and why.
type Answer struct {
	Status string `json:"status"`
	Why    *Why   `json:"statusInfo,omitempty"`
}

// Statuses of answers.
const (
	Accepted  = "Accepted"
	Rejected  = "Rejected"
	Scheduled = "Scheduled"
)

// Cost is what a transaction cost (I12).
type Cost struct {
	Periods []CostPeriod `json:"chargingPeriods,omitempty"`
	Total   TotalCost    `json:"totalCost"`
	Usage   TotalUsage   `json:"totalUsage"`
	Failed  bool         `json:"failureToCalculate,omitempty"`
	Why     string       `json:"failureReason,omitempty"`
}

// CostPeriod is a time of a transaction, and what was used in it.
type CostPeriod struct {
	Tariff     string      `json:"tariffId,omitempty"`
	Start      Time        `json:"startPeriod"`
	Dimensions []Dimension `json:"dimensions,omitempty"`
}

// Dimension is what was used: Energy in kWh, or a time in seconds.
type Dimension struct {
	Type   string  `json:"type"`
	Volume Decimal `json:"volume"`
}

// TotalCost is the cost by its parts. What a part is missing in cost nothing.
type TotalCost struct {
	Currency string `json:"currency"`
	Kind     string `json:"typeOfCost"` // NormalCost, MinCost, MaxCost
	Fixed    *Price `json:"fixed,omitempty"`
	Energy   *Price `json:"energy,omitempty"`
	Charging *Price `json:"chargingTime,omitempty"`
	Idle     *Price `json:"idleTime,omitempty"`
	Total    Price  `json:"total"`
}

// Price is an amount without and with tax.
type Price struct {
	Net   Decimal   `json:"exclTax,omitempty"`
	Gross Decimal   `json:"inclTax,omitempty"`
	Taxes []TaxRate `json:"taxRates,omitempty"`
}

// TaxRate is a tax in percent.
type TaxRate struct {
	Type string  `json:"type"`
	Tax  Decimal `json:"tax"`
	// Stack is the level of a tax on what includes other taxes; nil for the first.
	Stack *int `json:"stack,omitempty"`
}

// TotalUsage is what a transaction used: kWh and seconds.
type TotalUsage struct {
	Energy   Decimal `json:"energy"`
	Charging int     `json:"chargingTime"`
	Idle     int     `json:"idleTime"`
}

// NotifySettlement tells what became of a payment (C19 to C22).
type NotifySettlement struct {
	PSPRef      string  `json:"pspRef"`
	Status      string  `json:"status"` // Settled, Canceled, Rejected, Failed
	Info        string  `json:"statusInfo,omitempty"`
	Amount      Decimal `json:"settlementAmount"`
	At          Time    `json:"settlementTime"`
	Transaction string  `json:"transactionId,omitempty"`
	ReceiptID   string  `json:"receiptId,omitempty"`
	ReceiptURL  string  `json:"receiptUrl,omitempty"`
}

// Statuses of a settlement.
const (
	Settled  = "Settled"
	Canceled = "Canceled"
	Failed   = "Failed"
)

// Authorize asks whether a token may charge.
type Authorize struct {
	IDToken IDToken `json:"idToken"`
}

// AuthorizeResult answers it, perhaps with a tariff of the driver's own.
type AuthorizeResult struct {
	Info   TokenInfo `json:"idTokenInfo"`
	Tariff *Tariff   `json:"tariff,omitempty"`
}

// Tariff is a price as OCPP 2.1 has it: without tax (3.108 of part 2's data types).
type Tariff struct {
	ID          string      `json:"tariffId"`
	Currency    string      `json:"currency"`
	Description []Message   `json:"description,omitempty"`
	From        *Time       `json:"validFrom,omitempty"`
	Energy      *TariffPart `json:"energy,omitempty"`
	Charging    *TariffPart `json:"chargingTime,omitempty"`
	Idle        *TariffPart `json:"idleTime,omitempty"`
	Fixed       *TariffPart `json:"fixedFee,omitempty"`
	ReserveTime *TariffPart `json:"reservationTime,omitempty"`
	Reserve     *TariffPart `json:"reservationFixed,omitempty"`
	Min         *Price      `json:"minCost,omitempty"`
	Max         *Price      `json:"maxCost,omitempty"`
}

// Message is a text for the driver.
type Message struct {
	Format   string `json:"format"`
	Language string `json:"language,omitempty"`
	Content  string `json:"content"`
}

// TariffPart is the prices of a dimension: the first whose conditions hold.
type TariffPart struct {
	Prices []TariffPrice `json:"prices"`
	Taxes  []TaxRate     `json:"taxRates,omitempty"`
}

// TariffPrice is a price a kWh, a minute, or once.
type TariffPrice struct {
	KWh    Decimal     `json:"priceKwh,omitempty"`
	Minute Decimal     `json:"priceMinute,omitempty"`
	Fixed  Decimal     `json:"priceFixed,omitempty"`
	When   *Conditions `json:"conditions,omitempty"`
}

// Conditions are when a price holds.
type Conditions struct {
	From            string   `json:"startTimeOfDay,omitempty"` // local, HH:MM
	To              string   `json:"endTimeOfDay,omitempty"`
	Days            []string `json:"dayOfWeek,omitempty"`
	FromDate        string   `json:"validFromDate,omitempty"` // local, YYYY-MM-DD
	ToDate          string   `json:"validToDate,omitempty"`
	EVSEKind        string   `json:"evseKind,omitempty"`
	MinEnergy       Decimal  `json:"minEnergy,omitempty"` // Wh
	MaxEnergy       Decimal  `json:"maxEnergy,omitempty"`
	MinCurrent      Decimal  `json:"minCurrent,omitempty"`
	MaxCurrent      Decimal  `json:"maxCurrent,omitempty"`
	MinPower        Decimal  `json:"minPower,omitempty"`
	MaxPower        Decimal  `json:"maxPower,omitempty"`
	MinTime         *int     `json:"minTime,omitempty"` // seconds
	MaxTime         *int     `json:"maxTime,omitempty"`
	MinChargingTime *int     `json:"minChargingTime,omitempty"`
	MaxChargingTime *int     `json:"maxChargingTime,omitempty"`
	MinIdleTime     *int     `json:"minIdleTime,omitempty"`
	MaxIdleTime     *int     `json:"maxIdleTime,omitempty"`
	Brand           string   `json:"paymentBrand,omitempty"`
	Recognition     string   `json:"paymentRecognition,omitempty"`
}

// SetDefaultTariff sets the tariff of an EVSE, of each with 0 (I07).
type SetDefaultTariff struct {
	EVSE   int    `json:"evseId"`
	Tariff Tariff `json:"tariff"`
}

// GetTariffs asks which tariffs an EVSE has, each with 0 (I09).
type GetTariffs struct {
	EVSE int `json:"evseId"`
}

// TariffsResult answers it.
type TariffsResult struct {
	Status      string       `json:"status"` // Accepted, Rejected, NoTariff
	Assignments []Assignment `json:"tariffAssignments,omitempty"`
}

// Assignment is a tariff, and of which EVSEs it is.
type Assignment struct {
	Tariff string `json:"tariffId"`
	Kind   string `json:"tariffKind"` // DefaultTariff, DriverTariff
	From   *Time  `json:"validFrom,omitempty"`
	EVSEs  []int  `json:"evseIds,omitempty"`
}

// ClearTariffs takes tariffs away: all without ids, of all EVSEs without one (I10).
type ClearTariffs struct {
	Tariffs []string `json:"tariffIds,omitempty"`
	EVSE    int      `json:"evseId,omitempty"`
}

// ClearTariffsResult answers it, a result each.
type ClearTariffsResult struct {
	Results []Cleared `json:"clearTariffsResult"`
}

// Cleared is what became of one tariff.
type Cleared struct {
	Tariff string `json:"tariffId,omitempty"`
	Status string `json:"status"` // Accepted, Rejected, NoTariff
	Why    *Why   `json:"statusInfo,omitempty"`
}

// ChangeTransactionTariff gives a transaction another tariff (I11).
type ChangeTransactionTariff struct {
	Transaction string `json:"transactionId"`
	Tariff      Tariff `json:"tariff"`
}

// NotifyWebPayment says that a driver pays for an EVSE at a web page, for so many seconds (C25).
type NotifyWebPayment struct {
	EVSE    int `json:"evseId"`
	Timeout int `json:"timeout"`
}

// ChangeAvailability closes an EVSE to new drivers, or opens it; the whole station without one (G03, G04).
type ChangeAvailability struct {
	Status string `json:"operationalStatus"` // Operative, Inoperative
	EVSE   *EVSE  `json:"evse,omitempty"`
}

// GetBaseReport asks for all variables, or some of them (B07).
type GetBaseReport struct {
	Request int    `json:"requestId"`
	Base    string `json:"reportBase"` // ConfigurationInventory, FullInventory, SummaryInventory
}

// GetReport asks for variables by name (B08).
type GetReport struct {
	Request  int           `json:"requestId"`
	Of       []GetVariable `json:"componentVariable,omitempty"`
	Criteria []string      `json:"componentCriteria,omitempty"`
}

// NotifyReport is a part of a report.
type NotifyReport struct {
	Request int              `json:"requestId"`
	At      Time             `json:"generatedAt"`
	More    bool             `json:"tbc,omitempty"`
	Seq     int              `json:"seqNo"`
	Data    []ReportVariable `json:"reportData,omitempty"`
}

// ReportVariable is a variable, its value, and what it may be.
type ReportVariable struct {
	Component       Component        `json:"component"`
	Variable        Variable         `json:"variable"`
	Attributes      []Attribute      `json:"variableAttribute"`
	Characteristics *Characteristics `json:"variableCharacteristics,omitempty"`
}

// Attribute is a value of a variable.
type Attribute struct {
	Type       string `json:"type,omitempty"`
	Value      string `json:"value,omitempty"`
	Mutability string `json:"mutability,omitempty"` // ReadOnly, WriteOnly, ReadWrite
	Persistent bool   `json:"persistent,omitempty"`
}

// Characteristics is what a variable's values are.
type Characteristics struct {
	Type     string `json:"dataType"`
	Unit     string `json:"unit,omitempty"`
	Values   string `json:"valuesList,omitempty"`
	Monitors bool   `json:"supportsMonitoring"`
}

// GetTransactionStatus asks whether there is more to be told of a transaction, or of any without one (E14).
type GetTransactionStatus struct {
	Transaction string `json:"transactionId,omitempty"`
}

// TransactionStatus answers it.
type TransactionStatus struct {
	Ongoing *bool `json:"ongoingIndicator,omitempty"`
	Queued  bool  `json:"messagesInQueue"`
}

// GetLog asks for a log to be put at an address (N01).
type GetLog struct {
	Log      LogParameters `json:"log"`
	Type     string        `json:"logType"` // DiagnosticsLog, SecurityLog, DataCollectorLog
	Request  int           `json:"requestId"`
	Retries  int           `json:"retries,omitempty"`
	Interval int           `json:"retryInterval,omitempty"` // seconds
}

// LogParameters is where a log goes, and of which time it is.
type LogParameters struct {
	URL  string `json:"remoteLocation"`
	From *Time  `json:"oldestTimestamp,omitempty"`
	To   *Time  `json:"latestTimestamp,omitempty"`
}

// LogAnswer answers it.
type LogAnswer struct {
	Status string `json:"status"`
	Why    *Why   `json:"statusInfo,omitempty"`
	File   string `json:"filename,omitempty"`
}

// LogStatus is how far a log is.
type LogStatus struct {
	Status  string `json:"status"` // Uploading, Uploaded, UploadFailure, ...
	Request int    `json:"requestId"`
	Why     *Why   `json:"statusInfo,omitempty"`
}

// SecurityEvent is one of part 2's appendix.
type SecurityEvent struct {
	Type string `json:"type"`
	At   Time   `json:"timestamp"`
	Info string `json:"techInfo,omitempty"`
}

// Shortened is a text of at most n characters, the maxLength that the schemas give a field.
func Shortened(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
