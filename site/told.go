package site

import (
	"context"
	"errors"

	"kioskd"
	"kioskd/hook"
	"kioskd/report"
	"kioskd/tell"
)

// openTelling makes what tells programs and persons what happens; nil where none is to be told.
func (s *Site) openTelling(ctx context.Context) error {
	t := &hook.Teller{Kiosk: s.c.KioskID, Zone: s.c.Timezone, Journal: s.journal, Daily: s.daily, Now: s.clock.Now,
		Trusted: s.clock.Trusted, Log: s.log, Path: s.c.Journal + ".told"}
	from := tell.From{Site: s.c.Site["name"], Zone: s.c.Timezone, Language: s.c.Languages[0], Texts: s.texts,
		Now: s.clock.Now}
	if err := tell.Check(s.c.WebHooks, s.c.Mail); err != nil {
		s.log.Error("some are told nothing until this is mended", "error", err)
	}
	t.Targets = from.Targets(s.c.WebHooks, s.c.Mail)
	if len(t.Targets) == 0 {
		return nil
	}
	s.tells = t
	return t.Open(ctx)
}

// daily is what was sold on a day.
func (s *Site) daily(ctx context.Context, day string) (out hook.Daily, err error) {
	out = hook.Daily{Day: day, Revenue: []report.Revenue{}, Faults: []hook.Fault{}}
	book, err := openReports(ctx, s.c, s.journal)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if err := book.KeepUp(ctx, nil); err != nil {
		return out, err
	}
	groups, err := book.RevenueBy(ctx, report.Window{From: day, To: day}, report.ByDay)
	if err != nil {
		return out, err
	}
	out.Revenue = append(out.Revenue, report.Total(groups)...)
	items, err := unsettled(ctx, s.journal)
	out.Unsettled = len(items)
	for _, at := range sortedFaults(s.control.Snapshot().State) {
		def, _ := kiosk.FaultByCode(at.Code)
		out.Faults = append(out.Faults, hook.Fault{Code: at.Code, Bay: at.Bay, Severity: def.Severity, Acts: def.Acts})
	}
	return out, err
}
