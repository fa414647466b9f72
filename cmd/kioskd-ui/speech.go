package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"kioskd/ui/text"
)

// speaker reads aloud with espeak-ng, one text at a time: the next one silences it. It is
// safe for concurrent use.
type speaker struct {
	path string // of espeak-ng; empty where it is not installed

	mu   sync.Mutex
	stop context.CancelFunc
}

func newSpeaker() *speaker {
	path, err := exec.LookPath("espeak-ng")
	if err != nil {
		fmt.Fprintln(os.Stderr, "kioskd-ui: nothing is read aloud: espeak-ng is not installed")
		return &speaker{}
	}
	return &speaker{path: path}
}

// voices are espeak-ng's names of languages, where they are not ours.
var voices = map[string]string{"en": "en-gb", "zh": "cmn-latn-pinyin"}

// misread are languages that espeak-ng reads so that no listener understands them: of Japanese it spells the
// characters.
var misread = map[string]bool{"ja": true}

// say reads a text aloud, or only falls silent for an empty one.
func (s *speaker) say(lang, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
	if s.path == "" || what == "" || misread[lang] {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	cmd := exec.CommandContext(ctx, s.path, "-v", cmp.Or(voices[lang], lang), "-s", "150", "--stdin")
	cmd.Stdin = strings.NewReader(text.Plain(what))
	go func() {
		if err := cmd.Run(); err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "kioskd-ui: cannot read aloud: %v\n", err)
		}
	}()
}
