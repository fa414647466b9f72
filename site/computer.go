package site

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// computer is what the kiosk's computer says of itself. What it does not say is left out: no temperature is not zero
// degrees. root is / but for tests.
type computer struct{ root string }

func (c computer) read(path string) string {
	b, err := os.ReadFile(filepath.Join(c.root, path))
	if err != nil {
		return "" // there is none on this computer
	}
	return strings.TrimSpace(string(b))
}

// uptime is how long the computer has been on.
func uptime() (time.Duration, bool) {
	var info unix.Sysinfo_t // proc/uptime is hidden from a service that sees its own processes only
	err := unix.Sysinfo(&info)
	return time.Duration(info.Uptime) * time.Second, err == nil
}

// temperature is that of the hottest part, in degrees Celsius.
func (c computer) temperature() (degrees int64, ok bool) {
	zones, err := filepath.Glob(filepath.Join(c.root, "sys/class/thermal/thermal_zone*/temp"))
	if err != nil {
		return 0, false
	}
	for _, zone := range zones {
		b, err := os.ReadFile(zone)
		if err != nil {
			continue
		}
		milli, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if err == nil && (!ok || milli/1000 > degrees) {
			degrees, ok = milli/1000, true
		}
	}
	return degrees, ok
}

// signal is how well a wireless network is heard, in dBm, as the kernel has it (proc(5), /proc/self/net/wireless).
func (c computer) signal() (name string, dBm int, ok bool) {
	lines := strings.Split(c.read("proc/self/net/wireless"), "\n")
	for _, l := range lines[min(2, len(lines)):] {
		f := strings.Fields(l)
		if len(f) < 4 {
			continue
		}
		level, err := strconv.Atoi(strings.TrimSuffix(f[3], "."))
		if err == nil && level < 0 {
			return strings.TrimSuffix(f[0], ":"), level, true
		}
	}
	return "", 0, false
}

// addresses are the computer's own, by the names of its networks.
func addresses() (out []string, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list the networks: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		own, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("cannot list the addresses of %s: %w", i.Name, err)
		}
		for _, a := range own {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
				out = append(out, i.Name+" "+ip.String())
			}
		}
	}
	return out, nil
}

// clockSource is what keeps the computer's clock: ntp, rtc, or nothing.
func clockSource(rtc bool) string {
	switch {
	case inStep():
		return "ntp"
	case rtc:
		return "rtc"
	}
	return "none"
}

// inStep tells whether the kernel knows that a time server keeps the clock in step.
func inStep() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR
}

// short is a duration to read at a glance: 3 d 4 h, 4 h 12 min.
func short(d time.Duration) string {
	switch days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60; {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	default:
		return fmt.Sprintf("%d min", minutes)
	}
}
