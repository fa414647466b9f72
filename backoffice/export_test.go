package backoffice

// PortalAt is for tests, whose servers have other ports.
var PortalAt = portalAt
