package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/ui"
)

// Of a day at a busy site with four bays.
const (
	wearSessions = 100
	wearHours    = 75 // that vehicles charge, all together
)

// BenchmarkWear is what a day writes to the card: everything that reaches the block device of an
// ext4 file system of its own, the file system's journal and the log among it. It is measured at
// rest, while four vehicles charge, and over whole short visits, and added up to a day. It needs
// root, for a loop device.
func BenchmarkWear(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("a file system of its own needs root")
	}
	for b.Loop() {
		wearDay(b)
	}
}

func wearDay(b *testing.B) {
	ctx, stop := context.WithCancel(b.Context())
	dir, written := card(b)
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 4, Speed: 1}, site.QuietLog())
	if err != nil {
		b.Fatal(err)
	}
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	defer func() { stop(); <-world }()
	daemon := start(b, s)
	defer func() { daemon.Process.Kill(); daemon.Wait() }()
	plan := func(bay int) town.Visit {
		v := town.Visit{Bay: bay, Stop: 10, Card: town.VisitCard{Item: fmt.Sprint("visitor ", time.Now().UnixNano())}}
		if err := v.Complete(4); err != nil {
			b.Fatal(err)
		}
		return v
	}
	at := func(v town.Visit) (*town.Visitor, context.Context, func()) {
		ctx, cancel := context.WithTimeout(ctx, hang)
		return &town.Visitor{Visit: v, Driver: ui.NewDriver(ctx, filepath.Join(dir, "ui.sock")), Site: s}, ctx, cancel
	}
	play := func(v town.Visit) {
		who, ctx, gone := at(v)
		defer gone()
		if err := errors.Join(who.Home(ctx), who.Play(ctx), who.Depart(ctx)); err != nil {
			b.Fatal(err)
		}
	}
	play(plan(1)) // the journal's file has its size
	rest := time.Minute
	before := written()
	time.Sleep(rest) // nothing happens, and is measured
	perHour := float64(written()-before) / rest.Hours()

	const visits = 10
	before = written()
	for range visits {
		play(plan(1))
	}
	perVisit := float64(written()-before) / visits

	for bay := 1; bay <= 4; bay++ {
		v := plan(bay)
		v.Stop, v.Car.Need = 0, 1<<30
		who, ctx, gone := at(v)
		defer s.Bays[bay-1].Unplug()
		if err := who.Home(ctx); err != nil {
			b.Fatal(err)
		}
		for who.Shown = time.Now(); who.Now.Screen != ui.Charging; {
			select {
			case who.Now = <-who.Views:
			case <-time.After(250 * time.Millisecond): // people look again
			case <-ctx.Done():
				b.Fatal("nothing charges: the screen shows ", who.Now.Screen)
			}
			who.Act(ctx)
		}
		who.Touch(ctx, ui.Back, "") // they go away, and it goes on
		gone()
	}
	before = written()
	time.Sleep(2 * rest) // they charge
	perCharge := float64(written()-before)/(2*rest).Hours()/4 - perHour/4
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perHour*24/1e6, "rest-MB/day")
	b.ReportMetric(perVisit/1e3, "visit-kB")
	b.ReportMetric(perCharge/1e6, "charging-MB/h")
	b.ReportMetric((perHour*24+perVisit*wearSessions+perCharge*wearHours)/1e6, "MB/day")
}

// card makes a file system of its own, and tells how many bytes its device was asked to write.
func card(b *testing.B) (dir string, written func() int64) {
	dir = filepath.Join(b.TempDir(), "card")
	image := dir + ".img"
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			b.Fatalf("%s: %v: %s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	f, err := os.Create(image)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(f.Truncate(512e6), f.Close(), os.Mkdir(dir, 0o755)); err != nil {
		b.Fatal(err)
	}
	run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
	run("mount", "-o", "loop,noatime", image, dir)
	b.Cleanup(func() { run("umount", "-l", dir) })
	device := filepath.Base(run("findmnt", "-n", "-o", "SOURCE", "--target", dir))
	return dir, func() int64 {
		unix.Sync()
		stat, err := os.ReadFile("/sys/block/" + device + "/stat")
		if err != nil {
			b.Fatal(err)
		}
		sectors, err := strconv.ParseInt(strings.Fields(string(stat))[6], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return 512 * sectors
	}
}
