package ui

import (
	"cmp"
	"slices"

	"kioskd"
)

// Key is the key of the text that says what this view is about, in every catalogue.
func (v View) Key() string {
	switch v.Screen {
	case Wait:
		return "wait." + cmp.Or(v.Message, "wait")
	case Final:
		return "reason." + v.Message
	case Declined:
		return "declined." + v.Message
	case Owner:
		return "owner." + cmp.Or(v.Message, "code")
	case Receipts:
		return "receipts." + cmp.Or(v.Message, "code")
	case OutOfOrder, Reader, Offline, Emergency, BayFault:
		if _, known := kiosk.FaultByCode(v.Fault); known && v.Message == "" {
			return v.Fault.TextKey("driver")
		}
		return "closed." + cmp.Or(v.Message, "text")
	case Tap:
		if slices.Contains([]kiosk.Progress{kiosk.ProgressPIN, kiosk.ProgressTryAgain, kiosk.ProgressRemoveCard},
			kiosk.Progress(v.Message)) {
			return "tap." + v.Message
		}
	case PlugIn:
		if v.Message != "" {
			return "plug_in." + v.Message
		}
		if v.Partial {
			return "plug_in.partial"
		}
	case Charging:
		return "charging." + cmp.Or(v.Message, "title")
	case Idle:
		return v.idleKey()
	}
	return map[Screen]string{Attract: "attract.start", Bays: "bays.title", Price: "price.title", Tap: "tap.title",
		PlugIn: "plug_in.title", StopAsk: "stop.title",
		Lost: "lost.text", Languages: "languages.title", Help: "help.title", AccessAsk: "access.title",
		Limits: "limits.title", Still: "still.title",
		Found: "receipts.found", StaffCode: "staff.code", Technic: "staff.page.technician",
		HostPage: "staff.page.host"}[v.Screen]
}

// idleKey says what time costs while the vehicle asks for nothing.
func (v View) idleKey() string {
	switch {
	case v.Idle != nil && v.IdleFree > 0:
		return "charging.paused_free"
	case v.Idle != nil:
		return "charging.paused_fee"
	}
	return "charging.paused"
}
