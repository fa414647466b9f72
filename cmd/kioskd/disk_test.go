package main

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/ui"
)

// TestADiskNearlyFull sells nothing new.
func TestADiskNearlyFull(t *testing.T) {
	var disk unix.Statfs_t
	if err := unix.Statfs(t.TempDir(), &disk); err != nil {
		t.Fatal(err)
	}
	free := int64(disk.Bavail) * disk.Bsize / site.Megabyte
	if free > 90_000 {
		t.Skipf("skipped: %d MB are free, more than a reserve may be", free)
	}
	o := newOperatorWith(t, town.Options{Size: 1, Speed: 300,
		More: fmt.Sprintf("keep: {reserve_mb: %d}\n", max(10, free+5000))}, simulator.Faults{})
	o.until("journal export", `"kind":"fault_raised".*"fault":"DB002".*MB are free`)
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	o.shows(ctx, func(v ui.View) bool { return v.Screen == ui.OutOfOrder && v.Fault == "DB002" })
}
