// Package events turns records of the journal into the messages of OCPP 2.1 that tell an operator's central system of
// them: TransactionEvent (part 2, block E) and NotifySettlement (block C). It is pure: the same state and the same
// record give the same messages, so that what was told before a crash is not told otherwise after it.
//
// # What a transaction is
//
// A session of the kiosk is a transaction from the record by which its first register is known and its contactor is
// about to close (TxStartPoint PowerPathClosed) to its bill. Its transactionId is the session's id. Its seqNo counts
// from 0 without a gap. What is told of it:
//
//	first register, contactor to close        Started  CablePluggedIn or RemoteStart, Transaction.Begin, token
//	reading                                   Updated  MeterValuePeriodic, as often as Options.Every says
//	the vehicle asks for nothing, or again    Updated  ChargingStateChanged
//	the daemon found it running               Updated  TxResumed
//	bill                                      Ended    the reason, Transaction.End, costDetails
//	captured                                  NotifySettlement Settled (C21)
//	the hold was given back                   NotifySettlement Canceled (C20; without a transaction C19)
//	the host refused, or nothing is proven    NotifySettlement Rejected or Failed (C22); a later Settled follows it
//
// Amounts of costDetails are those of the bill, and are never computed from a tariff again.
//
// # Names
//
// A payment's pspRef is TERMINAL-RECEIPT-YYYYMMDD: receipt numbers of a ZVT terminal begin anew at 9999, and this finds
// the payment at its host. Of the card are told its brand, how it was read, and its last four digits.
package events
