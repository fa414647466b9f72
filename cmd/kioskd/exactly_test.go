package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kioskd"
	"kioskd/backoffice/natstest"
	"kioskd/backoffice/receiver"
	"kioskd/child"
	"kioskd/session/sessiontest"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/store"
)

var records = flag.Int("records", 5_000, "records in TestExactlyOnce; resets and kills grow with them")

// history fills a journal with sessions as a kiosk writes them, from a number on.
func history(t testing.TB, path string, records, first int) {
	t.Helper()
	ctx := context.Background()
	j, err := store.Open(ctx, path, func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	visit := sessiontest.New(t)
	visit.Charged()
	visit.Booked(98)
	var entries []kiosk.Entry
	for n, s := 0, first; n < records; s++ {
		id := fmt.Sprintf("01JN%022d", s)
		for _, r := range visit.Records {
			entries = append(entries, kiosk.Entry{Session: id, Reference: fmt.Sprintf("%07d", s), Kind: r.Kind,
				Body: r.Body, Ends: r.Kind == "closed", Token: r.Token})
			n++
		}
		if len(entries) > 1000 || n >= records {
			if err := j.Append(ctx, entries...); err != nil {
				t.Fatal(err)
			}
			entries = nil
		}
	}
}

// ordeal is what a kiosk goes through on its way to a back office.
type ordeal struct {
	operator
	office *bureau
	links  []*simulator.Link
	dice   *town.Dice

	total                           int // records that were written for it
	kills, officeKills, leaderKills int
	healed                          atomic.Bool // the network is whole from now on
}

// bad is a network in front of an address that breaks every connection sooner or later.
func (o *ordeal) bad(to string) string {
	o.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { l.Close() })
	k := &simulator.Link{To: to, Break: func() (out, in int64) {
		if o.healed.Load() {
			return -1, -1
		}
		return int64(o.dice.Between(2500, 10_500)), int64(o.dice.Between(2500, 7500))
	}}
	go k.Serve(l)
	o.links = append(o.links, k)
	return l.Addr().String()
}

func (o *ordeal) broken() (n int64) {
	for _, k := range o.links {
		n += k.Broken.Load()
	}
	return n
}

func newOrdeal(t *testing.T) *ordeal {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &ordeal{operator: operator{t: t}, office: newBureau(t), dice: &town.Dice{R: rand.New(rand.NewPCG(seed, 0))}}
}

// begin makes the site with its journal, and starts both sides.
func (o *ordeal) begin(uplink string) {
	t := o.t
	dir := t.TempDir()
	history(t, filepath.Join(dir, "journal.db"), *records, 0)
	o.total = *records
	s, err := town.Open(dir, filepath.Join(dir, "kioskd.yaml"), town.Options{Size: 1, Speed: 1, More: uplink},
		site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	world := make(chan error, 1)
	go func() { world <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-world })
	o.office.start()
	daemon, err := s.Command()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := child.Stop(daemon); err != nil {
			t.Errorf("the daemon did not end cleanly: %v", err)
		}
	})
	o.s, o.operator.daemon = s, &daemon
}

// arrived is how many records the back office has.
func (o *ordeal) arrived() (n int) {
	o.t.Helper()
	err := o.look(func(db *sql.DB) error { return db.QueryRow("select coalesce(max(seq), 0) from record").Scan(&n) })
	if err != nil && !strings.Contains(err.Error(), "no such table") {
		o.t.Fatal(err)
	}
	return n
}

// look reads the back office's database.
func (o *ordeal) look(f func(*sql.DB) error) error {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(o.office.dir, "backoffice.db")+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer db.Close()
	return f(db)
}

// suffer kills whatever can be killed until each was killed, and the network broke, so often,
// and all has arrived. Where all arrives too soon there is more to send.
func (o *ordeal) suffer(resets int64, kills, officeKills int, leader func()) {
	o.t.Helper()
	for end, blows := time.Now().Add(20*time.Minute), 0; ; blows++ {
		enough := o.broken() >= resets && o.kills >= kills && o.officeKills >= officeKills
		all := o.arrived() >= o.total
		switch {
		case all && enough:
			return
		case time.Now().After(end):
			o.t.Fatalf("%d of %d arrived, with %d resets, %d and %d kills", o.arrived(), o.total, o.broken(), o.kills,
				o.officeKills)
		}
		if blows%4 != 1 { // most hit a daemon that has started, however long that takes
			if err := child.AwaitKioskd(context.Background(), *o.daemon, o.s.Dir, o.s.Screen()); err != nil {
				o.t.Fatal(err)
			}
		}
		time.Sleep(o.dice.Millis(200, 1500)) // a blow comes when it comes
		if blows%5 == 4 && o.officeKills < officeKills {
			o.office.kill()
			o.office.start()
			o.officeKills++
			if leader != nil {
				leader()
			}
			continue
		}
		o.fall()
		if all {
			history(o.t, o.s.Journal(), 1000, o.total)
			o.total += 1000
		}
		o.rise()
	}
}

// fall kills the daemon.
func (o *ordeal) fall() {
	(*o.daemon).Process.Kill()
	(*o.daemon).Wait() // it was killed
	o.kills++
}

// rise starts the daemon once more.
func (o *ordeal) rise() {
	o.t.Helper()
	var err error
	*o.daemon, err = o.s.Command()
	if err != nil {
		o.t.Fatal(err)
	}
}

// judge lets the network be whole, so that the last records arrive whatever the daemon's next try was to be,
// and compares what the back office's database has with the journal, line by line.
func (o *ordeal) judge() {
	t := o.t
	t.Helper()
	o.healed.Store(true)
	o.fall()
	o.rise()
	var last string
	for end := time.Now().Add(hang); ; time.Sleep(200 * time.Millisecond) { // no signal from another process
		var code int
		last, code = o.run("backoffice status")
		if code == 0 && strings.Contains(last, "backlog      0\n") {
			break
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(o.s.Dir, "kioskd.log"))
			t.Fatalf("not all arrived: %s\n%s", last, log[max(0, len(log)-3000):])
		}
	}
	export, _ := o.run("journal export")
	lines := strings.Split(strings.TrimSpace(export), "\n")
	n := 0
	err := o.look(func(db *sql.DB) error {
		rows, err := db.Query("select seq, line from record order by seq")
		if err != nil {
			return err
		}
		defer rows.Close()
		for ; rows.Next(); n++ {
			var seq int
			var line string
			if err := rows.Scan(&seq, &line); err != nil {
				return err
			}
			if seq != n+1 || line != lines[n] {
				return fmt.Errorf("row %d is record %d:\n%s\nwant\n%s", n+1, seq, line, lines[n])
			}
		}
		return rows.Err()
	})
	if err != nil || n < o.total || len(lines)-n > 50 { // the daemon writes on meanwhile
		t.Errorf("%d records arrived of %d: %v", n, len(lines), err)
	}
	t.Logf("%d records arrived once and in order; the link broke %d times, the kiosk was killed %d times, the back "+
		"office %d times, the stream's leader %d times", n, o.broken(), o.kills, o.officeKills, o.leaderKills)
}

// TestExactlyOnce is the whole promise: a journal goes through a network that resets connections
// in the middle of requests and answers, while both ends are killed again and again.
func TestExactlyOnce(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("skipped: -short kills nothing")
	}
	resets, kills := int64(*records/1000), *records/5000
	t.Run("HTTPS", func(t *testing.T) {
		o := newOrdeal(t)
		o.begin(o.office.enrolled(o.bad(o.office.address)))
		o.suffer(resets, kills, 3, nil)
		o.judge()
	})
	t.Run("cluster", func(t *testing.T) {
		o := newOrdeal(t)
		house, err := receiver.OpenOffice(o.office.dir, []string{"localhost", "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		c := natstest.Start(t, house)
		conn := c.Connect()
		var servers []string
		for _, s := range strings.Split(c.Servers(), ",") {
			servers = append(servers, "tls://"+o.bad(strings.TrimPrefix(s, "tls://")))
		}
		uplink := o.office.enrolled("")
		uplink = strings.Replace(uplink, "https://"+o.office.address+"/", strings.Join(servers, ","), 1) +
			"  credentials: " + c.Kiosk("K-0042", time.Hour) + "\n"
		o.office.flags = []string{"--nats", c.Servers(), "--credentials", c.Office()}
		o.begin(uplink)
		down := -1
		o.suffer(resets, kills, 3, func() { // the one that was killed before comes back
			if down >= 0 {
				c.Restart(down)
			}
			if n := c.Leader(conn); n >= 0 {
				c.Kill(n)
				o.leaderKills++
				down = n
			}
		})
		o.judge()
		if o.leaderKills == 0 {
			t.Error("no leader was killed")
		}
	})
}
