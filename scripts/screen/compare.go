package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// figures are what a program that shows one still page needs.
type figures struct {
	start time.Duration // from exec to a frame that is not bare
	pss   int64         // kB, of all its processes
	cpu   time.Duration // in ten idle seconds
}

// compare shows the attract screen with kioskd-ui and the same page, still, with Chromium in
// kiosk mode, one after the other on the same X server, five times each.
func compare(out string) error {
	x, err := startServer()
	if err != nil {
		return err
	}
	defer x.stop()
	views := filepath.Join(x.dir, "views")
	if err := os.Mkdir(views, 0o755); err != nil {
		return err
	}
	page, err := os.ReadFile("ui/screens/testdata/views/attract.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(views, "attract.json"), page, 0o644)
	}
	if err != nil {
		return err
	}
	html, err := filepath.Abs("scripts/screen/attract.html")
	if err != nil {
		return err
	}
	programs := []struct {
		name string
		args []string
	}{
		{"kioskd-ui", []string{"bin/kioskd-ui", "--views", views}},
		{"chromium", []string{"chromium", "--kiosk", "--no-sandbox", "--disable-gpu", "--no-first-run",
			"--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--disable-quic", "--user-data-dir=" + filepath.Join(x.dir, "profile"),
			fmt.Sprintf("--window-size=%d,%d", width, height), "file://" + html}},
	}
	middle, idle := map[string]figures{}, map[string]time.Duration{}
	for _, p := range programs {
		var all []figures
		for i := range 5 {
			f, err := x.measure(p.args, filepath.Join(out, p.name+".png"))
			if err != nil {
				return fmt.Errorf("%s, run %d: %w", p.name, i+1, err)
			}
			fmt.Printf("%-10s first frame %4d ms, PSS %3d MB, %4.1f %% of a core when idle\n", p.name,
				f.start.Milliseconds(), f.pss/1024, float64(f.cpu)/float64(10*time.Second)*100)
			all = append(all, f)
			idle[p.name] += f.cpu
		}
		slices.SortFunc(all, func(a, b figures) int { return int(a.start - b.start) })
		middle[p.name] = all[len(all)/2]
	}
	a, b := middle["kioskd-ui"], middle["chromium"]
	fmt.Printf("kioskd-ui by chromium: first frame %.2f, memory %.2f, idle %.2f\n", float64(a.start)/float64(b.start),
		float64(a.pss)/float64(b.pss), float64(idle["kioskd-ui"])/float64(max(1, idle["chromium"])))
	return nil
}

// measure starts a program, waits for its first frame, lets it rest, and ends it.
func (s *server) measure(args []string, picture string) (f figures, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bare := s.frame()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		time.Sleep(500 * time.Millisecond)
	}()
	for f.start == 0 {
		if time.Since(start) > 30*time.Second {
			return f, errors.New("no frame came")
		}
		if now := s.frame(); !bytes.Equal(now, bare) && colours(now) > 16 { // text has many shades, a bare window few
			f.start = time.Since(start)
		}
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(5 * time.Second)
	if err := s.save(picture); err != nil {
		return f, err
	}
	before := cpu(cmd.Process.Pid)
	time.Sleep(10 * time.Second)
	f.cpu = cpu(cmd.Process.Pid) - before
	for _, pid := range group(cmd.Process.Pid) {
		f.pss += pss(pid)
	}
	return f, nil
}

// colours counts the colours of a frame, up to some.
func colours(b []byte) int {
	seen := map[[3]byte]bool{}
	for i := 0; i+3 < len(b) && len(seen) < 100; i += 4 {
		seen[[3]byte(b[i:i+3])] = true
	}
	return len(seen)
}

// group lists the processes of a process group.
func group(pgid int) (out []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		f := stat(d)
		if len(f) > 2 && f[2] == strconv.Itoa(pgid) {
			if pid, err := strconv.Atoi(filepath.Base(d)); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// stat are the fields of a process's stat after its name.
func stat(dir string) []string {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

func cpu(pgid int) (sum time.Duration) {
	for _, pid := range group(pgid) {
		if f := stat(fmt.Sprintf("/proc/%d", pid)); len(f) > 12 {
			for _, s := range f[11:13] {
				n, _ := strconv.ParseInt(s, 10, 64)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return sum
}

// pss is a process's memory with its share of what it shares, in kB.
func pss(pid int) (kb int64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			fmt.Sscan(rest, &kb)
		}
	}
	return kb
}
