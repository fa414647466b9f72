// Package csms is the kiosk as one charging station of OCPP 2.1 towards an operator's central system (CSMS): a station
// with many EVSEs, whether its bays are contactors or chargers (part 1, 8.4). It connects, says that it is there, tells
// what happened, in order, and hands the operator's requests to the site.
//
// # What holds
//
// The kiosk sells whether or not the operator can be reached (TxCtrlr.TxBeforeAcceptedEnabled): everything that is told
// is in the journal first, and Queue hands it out in its order, each message until it is answered. A message is sent
// again only where its answer was lost. One that the operator refuses, or leaves unanswered MessageAttempts times, is
// parked for a person, and never deleted (E13 would discard it).
//
// Before BootNotification is accepted nothing else is sent (B02, B03); requests are answered.
//
// The terminal holds the money, so the kiosk captures: PaymentCtrlr.SettlementByCSMS cannot be set. A driver pays the
// price that they saw: a tariff that comes with an Authorize, or for a transaction that runs, is not taken.
//
// # What an operator may do
//
// Site is what the site lets it do. A request that the site refuses is answered with its reason; one that is not known
// with NotImplemented, one that a kiosk has no use for with NotSupported.
package csms
