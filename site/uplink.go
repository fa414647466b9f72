package site

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
	"kioskd/config"
	"kioskd/session"
	"kioskd/store"
)

// checkpointKey reads the key that signs the journal's checkpoints, or makes it. It is on disk
// before anything is signed with it: the other side knows one key of a journal for ever.
func checkpointKey(path, kioskID string) (secret string, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read the key of checkpoints: %w", err)
	}
	secret, _, err = backoffice.NewKey(kioskID)
	if err != nil {
		return "", err
	}
	if err := writeDurably(path, []byte(secret+"\n")); err != nil {
		return "", fmt.Errorf("cannot keep a key of checkpoints: %w", err)
	}
	return secret, nil
}

// checkpointKeyPath is where it lies: beside the journal that it signs for.
func checkpointKeyPath(c *config.Config) string {
	return filepath.Join(filepath.Dir(c.Journal), "checkpoint.key")
}

// writeDurably writes a file that is there whole, or not at all, after a power cut.
func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// uplink is the way to the back office, once its files can be read: what is wrong with them
// keeps no driver from buying.
type uplink struct {
	connect func() (*backoffice.Sync, error)
	start   time.Time

	mu    sync.Mutex
	sync  *backoffice.Sync // nil until connect succeeds
	why   error
	since time.Time
}

func newUplink(now time.Time, connect func() (*backoffice.Sync, error)) *uplink {
	return &uplink{connect: connect, start: time.Now(), since: now}
}

func (u *uplink) get() *backoffice.Sync {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sync
}

// open tries until the files can be read.
func (u *uplink) open(ctx context.Context, log *slog.Logger) *backoffice.Sync {
	for {
		s, err := u.connect()
		u.mu.Lock()
		switch {
		case fmt.Sprint(err) == fmt.Sprint(u.why): // told once
		case err != nil:
			log.Error("back office", "error", err)
		default:
			log.Info("what is needed to reach the back office is there now")
		}
		u.sync, u.why = s, err
		u.mu.Unlock()
		if err == nil {
			return s
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// Status is how things stand.
func (u *uplink) Status() backoffice.Status {
	if s := u.get(); s != nil {
		return s.Status()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	st := backoffice.Status{Class: backoffice.Waiting, Since: u.since, Silent: time.Since(u.start)}
	if u.why != nil {
		st.Class, st.Why = backoffice.Client, u.why.Error()
	}
	return st
}

// Poke says that something was journaled that should not wait.
func (u *uplink) Poke() {
	if u == nil {
		return
	}
	if s := u.get(); s != nil {
		s.Poke()
	}
}

// Hurry ends a pause.
func (u *uplink) Hurry() {
	if s := u.get(); s != nil {
		s.Hurry()
	}
}

// newSync makes what sends the journal.
func newSync(c *config.Config, journal *store.Store, clock *session.Clock, do *instructionRunner,
	log *slog.Logger, trace bool) (*backoffice.Sync, error) {
	u := c.Uplink
	secret, err := checkpointKey(checkpointKeyPath(c), c.KioskID)
	if err != nil {
		return nil, err
	}
	signer, public, err := backoffice.OfSecret(secret)
	if err != nil {
		return nil, err
	}
	files, err := u.Files.TLS()
	if err != nil {
		return nil, err
	}
	var sink backoffice.Sink = backoffice.NewHTTPS(u.URL, c.KioskID, files, clock.Trusted)
	if u.URL.Scheme == "tls" {
		sink = backoffice.NewJetStream(u.Servers, c.KioskID, u.Credentials, files, clock.Trusted)
	}
	if trace {
		sink = backoffice.Traced(sink, log)
	}
	return backoffice.New(backoffice.Config{Kiosk: c.KioskID, Outbox: journal, Sink: sink, Signer: signer, Key: public,
		Office: u.Office, Every: u.Every,
		Now: clock.Now, Instruct: do.Instruct, Log: log}), nil
}

// notifyingJournal tells the uplink of what should not wait.
type notifyingJournal struct {
	kiosk.Journal
	up *uplink // nil for none
}

// urgent are the kinds of records that the back office waits for.
var urgent = []session.Kind{session.Closed, session.Alert, session.FaultRaised, session.FaultCleared, session.DayEnded,
	session.AccessGranted,
	session.InstructionDone, session.InstructionRefused, session.Refunded, session.MeterSwapped, session.DrainBegun,
	session.DrainEnded}

// Append implements kiosk.Journal.
func (p notifyingJournal) Append(ctx context.Context, entries ...kiosk.Entry) error {
	err := p.Journal.Append(ctx, entries...)
	if err == nil && slices.ContainsFunc(entries, func(e kiosk.Entry) bool {
		return slices.Contains(urgent, session.Kind(e.Kind))
	}) {
		p.up.Poke()
	}
	return err
}

// keeper watches what is kept: the way to the back office, the disk, and what may be forgotten.
type keeper struct {
	c       *config.Config
	journal *store.Store
	control *session.Controller
	clock   *session.Clock
	up      *uplink // nil without a back office
	do      *instructionRunner
	start   time.Time
	version string
	log     *slog.Logger

	mu       sync.Mutex
	broke    error // that kioskd itself made, at what is done here
	brokeFor time.Time
}

// contained does f again and again until it ends in order or ctx does. A mistake of the program is a
// fault, and ends nothing else.
func (k *keeper) contained(ctx context.Context, what string, f func(context.Context)) {
	for ctx.Err() == nil {
		err := session.Contain(func() { f(ctx) })
		if err == nil {
			return
		}
		k.log.Error("kioskd itself failed", "fault", kiosk.FaultUplinkFailed, "at", what, "error", err)
		k.mu.Lock()
		k.broke, k.brokeFor = fmt.Errorf("%s: %w", what, err), time.Now().Add(brokeLasts)
		k.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(brokePause):
		}
	}
}

// broken is what broke of late.
func (k *keeper) broken() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().After(k.brokeFor) {
		k.broke = nil
	}
	return k.broke
}

// How long what failed pauses, and how long it is told of.
const (
	brokePause = time.Minute
	brokeLasts = 10 * time.Minute
)

// Times of the keeper.
const (
	lookEvery    = 10 * time.Second
	forgetEvery  = time.Hour
	tokensLast   = 30 * 24 * time.Hour // as long as the key that made them
	Megabyte     = 1 << 20
	forgetSoonly = time.Minute // after the start
)

// run goes on until ctx ends.
func (k *keeper) run(ctx context.Context) {
	var wg sync.WaitGroup
	if k.up != nil {
		wg.Go(func() { k.contained(ctx, "back office", k.send) })
	}
	if k.c.Keep.CopyTo != "" {
		wg.Go(func() { k.contained(ctx, "copy of the journal", k.copies) })
	}
	k.contained(ctx, "what is kept", k.watch)
	wg.Wait()
}

// watch looks for faults, and forgets what is old.
func (k *keeper) watch(ctx context.Context) {
	look, forget := time.NewTicker(lookEvery), time.NewTimer(forgetSoonly)
	defer look.Stop()
	defer forget.Stop()
	k.inspect(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			k.inspect(ctx)
		case <-forget.C:
			if err := k.forget(ctx); err != nil && ctx.Err() == nil {
				k.log.Error("nothing was forgotten", "error", err)
			}
			forget.Reset(forgetEvery)
		}
	}
}

// send first does what was instructed and not done, then sends for as long as there is time.
func (k *keeper) send(ctx context.Context) {
	changed, cancel := k.control.Watch()
	for k.control.Snapshot().Starting { // it does not know yet what is true
		select {
		case <-changed:
		case <-ctx.Done():
			cancel()
			return
		}
	}
	cancel()
	if err := k.do.resume(ctx); err != nil {
		k.log.Error("instructions of before", "error", err)
	}
	if s := k.up.open(ctx, k.log); s != nil {
		s.Run(ctx)
	}
}

// inspect raises and clears faults. What cannot be looked at stays as it was.
func (k *keeper) inspect(ctx context.Context) {
	for code, err := range k.troubles(ctx) {
		was := k.control.Snapshot().State.Faults[session.FaultAt{Code: code}]
		if was != (err != nil) {
			k.control.Fault(ctx, code, 0, err != nil, err)
		}
	}
}

// troubles are the faults that a keeper knows about now, each with why it is there, or nil.
func (k *keeper) troubles(ctx context.Context) map[kiosk.FaultCode]error {
	out := map[kiosk.FaultCode]error{kiosk.FaultUplinkFailed: k.broken()}
	if full, err := k.diskFull(ctx); err != nil {
		k.log.Error("disk", "error", err)
	} else {
		out[kiosk.FaultDiskFull] = full
	}
	if k.up == nil {
		out[kiosk.FaultOfficeSilent], out[kiosk.FaultOfficeRefuses], out[kiosk.FaultOfficeDiffers],
			out[kiosk.FaultCertificateEnds] = nil, nil, nil, nil
		return out
	}
	if k.clock.Trusted() {
		out[kiosk.FaultCertificateEnds] = endsSoon(k.c.Uplink.Files, k.clock.Now())
	}
	st := k.up.Status()
	out[kiosk.FaultOfficeSilent] = nil
	if st.Silent > k.c.Uplink.Late && st.Class != backoffice.Conflict {
		out[kiosk.FaultOfficeSilent] = fmt.Errorf("no answer for %v: %s", st.Silent.Round(time.Minute), st.Why)
	}
	switch st.Class {
	case backoffice.Conflict:
		out[kiosk.FaultOfficeDiffers] = errors.New(st.Why)
	case backoffice.Connected: // another trouble says nothing of this one
		out[kiosk.FaultOfficeDiffers] = nil
	}
	switch parked, err := k.journal.Parked(ctx); {
	case err != nil:
		k.log.Error("parked records", "error", err)
	case len(parked) > 0:
		out[kiosk.FaultOfficeRefuses] = fmt.Errorf("%d records, the first is %d: %s", len(parked), parked[0].Seq,
			parked[0].Why)
	default:
		out[kiosk.FaultOfficeRefuses] = nil
	}
	return out
}

// certified are the files with the certificates of a setting.
type certified struct {
	setting string
	paths   []string
}

// certificates are all that a kiosk shows or believes.
func certificates(c *config.Config) (out []certified) {
	add := func(setting string, paths ...string) {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" })
		if len(paths) > 0 {
			out = append(out, certified{setting, paths})
		}
	}
	if u := c.Uplink; u != nil {
		add("backoffice", u.Files.CA, u.Files.Certificate)
	}
	if c.Web != nil {
		add("web", c.Web.Certificate)
	}
	add("ocpp", c.OCPP.Certificate, c.OCPP.Clients)
	if c.CSMS != nil {
		add("csms", c.CSMS.CA, c.CSMS.Certificate)
	}
	if c.Mail != nil {
		add("mail", c.Mail.CA)
	}
	return out
}

// renewWithin is how long before its end a certificate must be renewed.
const renewWithin = 30 * 24 * time.Hour

// endsSoon tells of a certificate that ends soon. What cannot be read is told by who needs it.
func endsSoon(files backoffice.Files, now time.Time) error {
	whose, at, err := files.Ends()
	if err != nil {
		return nil
	}
	return endingSoon(whose, at, now)
}

func endingSoon(whose string, at, now time.Time) error {
	if at.IsZero() || at.Sub(now) > renewWithin {
		return nil
	}
	return fmt.Errorf("%s ends at %s", whose, at.Format(time.DateOnly))
}

// diskFull tells whether so little is left that who charges now might not be recorded to the
// end, if others began.
func (k *keeper) diskFull(ctx context.Context) (why, err error) {
	free, err := k.free(ctx)
	if err != nil {
		return nil, err
	}
	return tooFull(k.c, free, k.control.Snapshot().State.Faults[session.FaultAt{Code: kiosk.FaultDiskFull}]), nil
}

// tooFull judges what is free: more is wanted where a disk was full, before is sold again.
func tooFull(c *config.Config, free int64, was bool) error {
	want := int64(c.Keep.Reserve) * Megabyte
	if was {
		want += want / 5
	}
	if free < want {
		return fmt.Errorf("%d MB are free, %d are wanted", free/Megabyte, want/Megabyte)
	}
	return nil
}

// free is how much can be written yet: on the disk, and inside the journal's file.
func (k *keeper) free(ctx context.Context) (int64, error) {
	disk, err := freeDisk(k.c)
	if err != nil {
		return 0, err
	}
	spare, err := k.journal.Spare(ctx)
	return disk + spare, err
}

// freeDisk is how many bytes are free where the journal is.
func freeDisk(c *config.Config) (int64, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(c.Journal), &disk); err != nil {
		return 0, fmt.Errorf("cannot ask the disk: %w", err)
	}
	return int64(disk.Bavail) * disk.Bsize, nil
}

// forget forgets what is old, while the clock can be trusted.
func (k *keeper) forget(ctx context.Context) error {
	if !k.clock.Trusted() {
		return nil
	}
	now := k.clock.Now()
	if err := k.journal.ForgetTokens(ctx, now.Add(-tokensLast), now); err != nil {
		return err
	}
	gone, err := store.ForgetCopies(k.c.Journal, now.Add(-tokensLast))
	if len(gone) > 0 {
		k.log.Info("copies of the journal of before an upgrade were deleted", "files", gone)
	}
	if k.c.Keep.Thin == 0 {
		return err
	}
	n, no := k.journal.Thin(ctx, now.Add(-k.c.Keep.Thin), session.Thinnable())
	if n > 0 {
		k.log.Info("readings that the back office has were thinned", "records", n)
	}
	return errors.Join(err, no)
}

// diagnostics is what a technician far away asks for: all that a technician sees, and the log.
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
		out := diagnostics{At: snap.At, Version: k.version, Uptime: int64(time.Since(k.start) / time.Second),
			ClockOK: k.clock.Trusted(), Bays: map[int]any{}, Lines: map[string]any{}, Faults: []string{}}
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
		if k.up != nil {
			out.BackOffice = k.up.Status()
		}
		for _, l := range d.log.newest() {
			out.Log = append(out.Log, l.at.Format(time.RFC3339)+" "+l.text)
		}
		return json.Marshal(out)
	}
}
