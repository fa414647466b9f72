package kiosk

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Checkpoint is the head of a kiosk's tree, in the form of C2SP tlog-checkpoint.
type Checkpoint struct {
	Origin  string
	Records int64
	Hash    [32]byte
}

// Text is what is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Records, base64.StdEncoding.EncodeToString(c.Hash[:]))
}

// ParseCheckpoint reads the text of a checkpoint.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, fmt.Errorf("cannot read checkpoint: want three lines, got %d", len(lines)-1)
	}
	c.Origin = lines[0]
	c.Records, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.Records < 0 || strconv.FormatInt(c.Records, 10) != lines[1] {
		return c, fmt.Errorf("cannot read checkpoint: %q is no number of records", lines[1])
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != len(c.Hash) {
		return c, fmt.Errorf("cannot read checkpoint: %q is no SHA-256 hash", lines[2])
	}
	copy(c.Hash[:], hash)
	return c, nil
}
