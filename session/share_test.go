package session_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
)

// TestBaysShareACommit: three bays that charge for ten minutes have a reading every ten seconds each, in no more than
// one write for all three; what a bay shows is on disk within three seconds.
func TestBaysShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		for bay := 1; bay <= 3; bay++ {
			s.charge(bay)
		}
		writes, records := s.book.written()
		time.Sleep(10 * time.Minute)
		more, _ := s.book.written()
		if n := more - writes; n > 62 {
			t.Errorf("it took %d writes", n)
		}
		kinds := map[string]int{}
		for r := range s.book.each() {
			if r.Seq > int64(records) {
				kinds[r.Kind]++
			}
		}
		if n := kinds[string(session.ReadingTaken)]; n < 3*58 || n > 3*62 {
			t.Errorf("three bays wrote %v in ten minutes", kinds)
		}
		last := map[string]kiosk.Record{}
		for r := range s.book.each() {
			if r.Kind == string(session.ReadingTaken) {
				last[r.Session] = r
			}
		}
		for id, x := range s.control.Snapshot().State.Sessions {
			e, err := session.FromRecord(last[id])
			if err != nil {
				t.Fatal(err)
			}
			if late := x.Last.At.Sub(e.Body.(session.ReadingBody).Reading.At); late > 3*time.Second {
				t.Errorf("session %s is %v ahead of the journal", id, late)
			}
		}
		s.stop()
	})
}

// TestReadingsThatCannotBeWritten: power goes off within four seconds after the disk is full, and what was waiting is
// in the journal before what comes later.
func TestReadingsThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t).sells()
		id := s.charge(1)
		full := errors.New("no space left on device")
		s.book.failing(func(int, []kiosk.Entry) error { return full })
		time.Sleep(15 * time.Second)
		if s.posts[1].isClosed() {
			t.Error("energy flows, and no reading of it can be written")
		}
		s.book.failing(nil)
		s.closed(id)
		var before time.Time
		for r := range s.book.each() {
			e, err := session.FromRecord(r)
			if err != nil {
				t.Fatal(err)
			}
			if b, ok := e.Body.(session.ReadingBody); ok {
				if b.Reading.At.Before(before) {
					t.Errorf("the reading of %v is behind one of %v", b.Reading.At, before)
				}
				before = b.Reading.At
			}
		}
		s.paid(id)
		s.stop()
	})
}
