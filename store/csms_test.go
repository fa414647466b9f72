package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"kioskd/store"
)

// TestWhatAnOperatorWasTold is there after a restart, with what it did not take, once each.
func TestWhatAnOperatorWasTold(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "journal.db")
	open := func() *store.Store {
		s, err := store.Open(ctx, path, clock)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if got, err := s.Told(ctx); got != nil || err != nil {
		t.Fatalf("before the first: %+v, %v", got, err)
	}
	for i := range 3 {
		err := s.Tell(ctx, store.Told{Seq: int64(i), Part: 1, State: []byte(`{"x":1}`)},
			store.Unheard{Seq: int64(i + 1), Action: "NotifySettlement", Payload: []byte(`{}`), Why: "no"})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.Close()
	got, err := s.Told(ctx)
	if err != nil || got == nil || got.Seq != 2 || got.Part != 1 || string(got.State) != `{"x":1}` {
		t.Fatalf("%+v, %v", got, err)
	}
	if again, err := s.Unheard(ctx, true); len(again) != 0 || err != nil {
		t.Errorf("to be sent again: %+v, %v", again, err)
	}
	if err := s.TellAgain(ctx); err != nil {
		t.Fatal(err)
	}
	again, err := s.Unheard(ctx, true)
	if len(again) != 3 || err != nil || again[0].Seq != 1 || again[2].Action != "NotifySettlement" {
		t.Fatalf("to be sent again: %+v, %v", again, err)
	}
	if err := s.Heard(ctx, again[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Heard(ctx, again[1].ID, "still no"); err != nil {
		t.Fatal(err)
	}
	left, err := s.Unheard(ctx, false)
	if len(left) != 2 || err != nil || left[0].Why != "still no" {
		t.Errorf("left: %+v, %v", left, err)
	}
	if again, err := s.Unheard(ctx, true); len(again) != 1 || err != nil {
		t.Errorf("to be sent again: %+v, %v", again, err)
	}
}
