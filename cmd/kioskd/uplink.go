package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/session"
	"kioskd/store"
)

// checkpointKey reads the key that signs the journal's checkpoints, or makes it.
func checkpointKey(path, kioskID string) (secret string, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read the key of checkpoints: %w", err)
	}
	if secret, _, err = backoffice.NewKey(kioskID); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot keep a key of checkpoints: %w", err)
	}
	return secret, nil
}

// newSync makes what sends the journal.
func newSync(c *config, journal *store.Store, clock *session.Clock, do *instructed, log *slog.Logger) (*backoffice.Sync, error) {
	u := c.uplink
	secret, err := checkpointKey(filepath.Join(filepath.Dir(c.journal), "checkpoint.key"), c.kioskID)
	if err != nil {
		return nil, err
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		return nil, err
	}
	files, err := u.files.TLS()
	if err != nil {
		return nil, err
	}
	var sink backoffice.Sink = backoffice.NewHTTPS(u.url, c.kioskID, files, clock.Trusted)
	if u.url.Scheme == "tls" {
		sink = backoffice.NewJetStream(u.servers, c.kioskID, u.credentials, files, clock.Trusted)
	}
	return backoffice.New(backoffice.Config{Kiosk: c.kioskID, Outbox: journal, Sink: sink, Signer: signer, Key: public, Office: u.office, Every: u.every,
		Now: clock.Now, Instruct: do.Instruct, Log: log}), nil
}

// poking tells the uplink of what should not wait.
type poking struct {
	kiosk.Journal
	poke func()
}

// urgent are the kinds of records that somebody far away waits for.
var urgent = []session.Kind{session.Closed, session.Alert, session.FaultRaised, session.FaultCleared, session.DayEnded, session.AccessGranted,
	session.InstructionDone, session.InstructionRefused, session.Refunded, session.MeterSwapped, session.DrainBegun, session.DrainEnded}

// Append implements kiosk.Journal.
func (p poking) Append(ctx context.Context, entries ...kiosk.Entry) error {
	err := p.Journal.Append(ctx, entries...)
	if err == nil && slices.ContainsFunc(entries, func(e kiosk.Entry) bool { return slices.Contains(urgent, session.Kind(e.Kind)) }) {
		p.poke()
	}
	return err
}

// keeper watches what is kept: the way to the back office, the disk, and what may be forgotten.
type keeper struct {
	c       *config
	journal *store.Store
	control *session.Controller
	clock   *session.Clock
	sync    *backoffice.Sync // nil without a back office
	start   time.Time
	log     *slog.Logger
}

// Times of the keeper.
const (
	lookEvery    = 10 * time.Second
	forgetEvery  = time.Hour
	tokensLast   = 30 * 24 * time.Hour // as long as the key that made them
	enoughAgain  = 1.2                 // times the reserve, before is sold again
	megabyte     = 1 << 20
	forgetSoonly = time.Minute // after the start
)

// run goes on until ctx ends.
func (k *keeper) run(ctx context.Context) {
	var wg sync.WaitGroup
	if k.sync != nil {
		wg.Go(func() { k.sync.Run(ctx) })
	}
	look, forget := time.NewTicker(lookEvery), time.NewTimer(forgetSoonly)
	defer look.Stop()
	defer forget.Stop()
	k.look(ctx)
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return
		case <-look.C:
			k.look(ctx)
		case <-forget.C:
			if err := k.forget(ctx); err != nil && ctx.Err() == nil {
				k.log.Error("nothing was forgotten", "error", err)
			}
			forget.Reset(forgetEvery)
		}
	}
}

// look raises and clears faults.
func (k *keeper) look(ctx context.Context) {
	for code, err := range k.troubles(ctx) {
		was := k.control.Snapshot().State.Faults[session.FaultAt{Code: code}]
		if was != (err != nil) {
			k.control.Fault(ctx, code, 0, err != nil, err)
		}
	}
}

// troubles are the faults that a keeper knows, each with why it is there, or nil.
func (k *keeper) troubles(ctx context.Context) map[string]error {
	out := map[string]error{"BO001": nil, "BO002": nil, "BO003": nil, "DB002": k.diskFull(ctx)}
	if k.sync == nil {
		return out
	}
	st := k.sync.Status()
	last := st.Good
	if last.IsZero() {
		last = k.start
	}
	switch late := k.clock.Now().Sub(last); {
	case st.Class == backoffice.Conflict:
		out["BO003"] = errors.New(st.Why)
	case st.Class != backoffice.Connected && late > k.c.uplink.late:
		out["BO001"] = fmt.Errorf("no answer for %v: %s", late.Round(time.Minute), st.Why)
	}
	if parked, err := k.journal.Parked(ctx); err != nil {
		k.log.Error("parked records", "error", err)
	} else if len(parked) > 0 {
		out["BO002"] = fmt.Errorf("%d records, the first is %d: %s", len(parked), parked[0].Seq, parked[0].Why)
	}
	return out
}

// diskFull tells whether so little is left that who charges now might not be recorded to the
// end, if others began.
func (k *keeper) diskFull(ctx context.Context) error {
	free, err := k.free(ctx)
	if err != nil {
		k.log.Error("disk", "error", err)
		return nil
	}
	want := int64(k.c.keep.reserve) * megabyte
	if k.control.Snapshot().State.Faults[session.FaultAt{Code: "DB002"}] {
		want = int64(float64(want) * enoughAgain)
	}
	if free < want {
		return fmt.Errorf("%d MB are free, %d are wanted", free/megabyte, want/megabyte)
	}
	return nil
}

// free is how much can be written yet: on the disk, and inside the journal's file.
func (k *keeper) free(ctx context.Context) (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(k.c.journal), &disk); err != nil {
		return 0, fmt.Errorf("cannot ask the disk: %w", err)
	}
	spare, err := k.journal.Spare(ctx)
	return int64(disk.Bavail)*disk.Bsize + spare, err
}

// forget forgets what is old, while somebody knows what time it is.
func (k *keeper) forget(ctx context.Context) error {
	if !k.clock.Trusted() {
		return nil
	}
	now := k.clock.Now()
	if err := k.journal.ForgetTokens(ctx, now.Add(-tokensLast)); err != nil {
		return err
	}
	if k.c.keep.thin == 0 {
		return nil
	}
	n, err := k.journal.Thin(ctx, now.Add(-k.c.keep.thin), session.Thinnable())
	if n > 0 {
		k.log.Info("readings that the back office has were thinned", "records", n)
	}
	return err
}

// diagnostics is what somebody far away asks for: all that a technician sees, and the log.
type diagnostics struct {
	At         time.Time         `json:"at"`
	Version    string            `json:"version"`
	Uptime     int64             `json:"uptime_s"`
	ClockOK    bool              `json:"clock_ok"`
	Records    int64             `json:"records"`
	Backlog    int64             `json:"backlog"`
	Free       int64             `json:"free_bytes"`
	Faults     []string          `json:"faults"`
	Bays       map[int]any       `json:"bays"`
	Lines      map[string]any    `json:"lines"`
	BackOffice backoffice.Status `json:"back_office"`
	Log        []string          `json:"log"`
}

// diagnostics makes the report.
func (k *keeper) diagnostics(d desk) func(context.Context) (json.RawMessage, error) {
	return func(ctx context.Context) (json.RawMessage, error) {
		snap := k.control.Snapshot()
		out := diagnostics{At: snap.At, Version: version, Uptime: int64(time.Since(k.start) / time.Second), ClockOK: k.clock.Trusted(), Bays: map[int]any{}, Lines: map[string]any{}, Faults: []string{}}
		var err1, err2, err3 error
		out.Records, err1 = k.journal.Seq(ctx)
		out.Backlog, err2 = k.journal.Backlog(ctx)
		out.Free, err3 = k.free(ctx)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		for _, at := range sortedFaults(snap.State) {
			out.Faults = append(out.Faults, fmt.Sprintf("%s:%d", at.Code, at.Bay))
		}
		for n, s := range snap.Live {
			out.Bays[n] = s
		}
		for _, l := range d.lines {
			out.Lines[l.name] = l.stats.Read()
		}
		if k.sync != nil {
			out.BackOffice = k.sync.Status()
		}
		for _, l := range d.log.newest() {
			out.Log = append(out.Log, l.at.Format(time.RFC3339)+" "+l.text)
		}
		return json.Marshal(out)
	}
}
