package main

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kioskd"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/store"
)

var aged = flag.Int("aged", 1_000_000, "records of the journal that BenchmarkReady starts with")

// BenchmarkReady is what the daemon itself needs from its start to READY=1, with a journal of a
// million records and with an empty one in the same run.
func BenchmarkReady(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	history(b, path, *aged, 0)
	troubles(b, path)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	var old, fresh []time.Duration
	var memory int64
	for b.Loop() {
		for range 5 {
			took, peak := readyAfter(b, path)
			old, memory = append(old, took), max(memory, peak)
			took, _ = readyAfter(b, "")
			fresh = append(fresh, took)
		}
	}
	slices.Sort(old)
	slices.Sort(fresh)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(info.Size())/1e6, "journal-MB")
	b.ReportMetric(float64(old[len(old)/2].Milliseconds()), "ready-ms")
	b.ReportMetric(float64(old[len(old)-1].Milliseconds()), "ready-most-ms")
	b.ReportMetric(float64(fresh[len(fresh)/2].Milliseconds()), "ready-empty-ms")
	b.ReportMetric(float64(memory)/1e6, "peak-MB")
}

// troubles are the faults of some years.
func troubles(b *testing.B, path string) {
	b.Helper()
	j, err := store.Open(context.Background(), path, func() (time.Time, time.Duration,
		bool) {
		return time.Now(), 0, true
	})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for range 10 {
		var entries []kiosk.Entry
		for range 1000 {
			for _, kind := range []string{"fault_raised", "fault_cleared"} {
				entries = append(entries, kiosk.Entry{Kind: kind,
					Body: []byte(`{"kind":"` + kind + `","at":"2026-03-02T09:00:00Z","fault":"PT001"}`)})
			}
		}
		if err := j.Append(context.Background(), entries...); err != nil {
			b.Fatal(err)
		}
	}
}

// readyAfter starts a daemon with a journal, or with an empty one, as a service manager does.
func readyAfter(b *testing.B, journal string) (took time.Duration, peak int64) {
	b.Helper()
	dir := b.TempDir()
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 4, Speed: 1}, site.QuietLog())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if journal != "" {
		text, err := os.ReadFile(s.Config)
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(s.Config, bytes.Replace(text, []byte(filepath.Join(dir, "journal.db")), []byte(journal),
			1), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	defer manager.Close()
	s.Environment = []string{"NOTIFY_SOCKET=" + filepath.Join(dir, "notify")}
	from := time.Now()
	daemon := start(b, s)
	defer func() { daemon.Process.Kill(); daemon.Wait() }()
	if err := manager.SetReadDeadline(time.Now().Add(hang)); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 100)
	for {
		n, err := manager.Read(buf)
		if err != nil {
			b.Fatalf("it does not become ready: %v", err)
		}
		if string(buf[:n]) == "READY=1" {
			return time.Since(from), memoryOf(b, daemon.Process.Pid)
		}
	}
}
