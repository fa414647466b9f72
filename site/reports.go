package site

import (
	"context"
	"errors"
	"time"

	"kioskd/config"
	"kioskd/report"
	"kioskd/store"
)

// Reports is where the rows of a journal's reports lie: see package report. The file can be removed at any time.
func Reports(journal string) string { return journal + ".reports" }

// reportEvery is how often the reports are kept up without being asked for: more often than readings are thinned out,
// of which they keep when energy first flowed.
const reportEvery = time.Hour

// reported keeps the reports up until ctx ends. They are no part of selling: what fails is logged, and tried again.
func (s *Site) reported(ctx context.Context) {
	timer := time.NewTimer(time.Minute) // the start has other work
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := s.keepReports(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the reports are not up to date", "error", err)
		}
		timer.Reset(reportEvery)
	}
}

func (s *Site) keepReports(ctx context.Context) error {
	book, err := openReports(ctx, s.c, s.journal)
	if err != nil {
		return err
	}
	return errors.Join(book.KeepUp(ctx, nil), book.Close())
}

// openReports opens the reports of a site's journal.
func openReports(ctx context.Context, c *config.Config, journal *store.Store) (*report.Book, error) {
	book, err := report.Open(ctx, Reports(c.Journal), journal)
	if err == nil {
		book.In(c.Timezone)
	}
	return book, err
}
