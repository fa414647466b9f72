package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
)

// player plays the sound of an approval, where the computer has aplay (alsa-utils). Sound and picture say the same.
type player struct{ path string }

func newPlayer() player {
	path, err := exec.LookPath("aplay")
	if err != nil {
		fmt.Fprintln(os.Stderr, "kioskd-ui: no sound is played: aplay is not installed")
	}
	return player{path}
}

// approved plays two rising notes, and does not wait for their end.
func (p player) approved() {
	if p.path == "" {
		return
	}
	cmd := exec.Command(p.path, "-q", "-t", "wav", "-")
	cmd.Stdin = bytes.NewReader(chime())
	go func() {
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "kioskd-ui: cannot play: %v\n", err)
		}
	}()
}

// chime is a WAV file (RIFF, PCM, 16 bits, mono): two notes that fade, a sixth apart.
func chime() []byte {
	const rate, each = 22050, 0.16
	var samples []int16
	for _, note := range []float64{659.26, 1108.73} {
		for i := range int(rate * each) {
			t := float64(i) / rate
			loud := min(1, t*200) * math.Exp(-t*14)
			samples = append(samples, int16(9000*loud*math.Sin(2*math.Pi*note*t)))
		}
	}
	var out bytes.Buffer
	size := uint32(2 * len(samples))
	for _, part := range []any{[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1),
		uint32(rate), uint32(2 * rate), uint16(2), uint16(16), []byte("data"), size, samples} {
		binary.Write(&out, binary.LittleEndian, part) // into memory
	}
	return out.Bytes()
}
