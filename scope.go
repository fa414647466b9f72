package kiosk

// Scopes are what a program's token or a person of the host's network is good for. Package web says what each lets
// them do.
const (
	ScopeStatus  = "status"
	ScopeReports = "reports"
	ScopeControl = "control"
	ScopeMoney   = "money"
	ScopeAdmin   = "admin"
)

// Scopes lists them all.
func Scopes() []string {
	return []string{ScopeStatus, ScopeReports, ScopeControl, ScopeMoney, ScopeAdmin}
}
