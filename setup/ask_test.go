package setup

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"kioskd/cli"
)

// TestAnswersOfAPerson: what they type, what is meant by it, and what they read meanwhile.
func TestAnswersOfAPerson(t *testing.T) {
	digits := func(s string) error {
		if strings.Trim(s, "0123456789.") != "" {
			return errors.New("want digits")
		}
		return nil
	}
	choice := []string{"ntp", "rtc"}
	for _, x := range []struct {
		name  string
		q     question
		typed string
		want  string
		err   error
		read  []string
		again int // how often it is asked once more
	}{
		{"a text", question{title: "Name"}, "Hof\n", "Hof", nil, []string{"Name: "}, 0},
		{"blanks around it", question{title: "Name"}, "  Hof am See \t\r\n", "Hof am See", nil, nil, 0},
		{"the last line without an end", question{title: "Name"}, "Hof", "Hof", nil, nil, 0},
		{"what is offered", question{title: "Name", def: "Hof"}, "\n", "Hof", nil, []string{"Name [Hof]: "}, 0},
		{"another than what is offered", question{title: "Name", def: "Hof"}, "See\n", "See", nil, nil, 0},
		{"nothing, and it is needed", question{title: "Name"}, "\n\nHof\n", "Hof", nil, []string{"this is needed"}, 2},
		{"nothing, and it is not needed", question{title: "Id", optional: true}, "\n", "", nil,
			[]string{"(or nothing)"}, 0},
		{"a hyphen empties", question{title: "Id", def: "K1", optional: true}, "-\n", "", nil,
			[]string{"[K1, or - for nothing]"}, 0},
		{"a hyphen is no answer to what is needed", question{title: "N", def: "7", check: digits}, "-\n8\n", "8", nil,
			[]string{"want digits"}, 1},
		{"a bad one, again", question{title: "N", check: digits}, "x\ny\n42\n", "42", nil, []string{"want digits"}, 2},
		{"a comma in an amount", question{title: "Price", amount: true, check: digits}, "0,49\n", "0.49", nil, nil, 0},
		{"two commas", question{title: "Price", amount: true, check: digits}, "1,234,56\n1\n", "1", nil, nil, 1},
		{"a comma elsewhere", question{title: "N", check: digits}, "0,49\n1\n", "1", nil, nil, 1},
		{"an option by its number", question{title: "Clock", options: choice}, "2\n", "rtc", nil,
			[]string{"  1  ntp\n", "  2  rtc\n"}, 0},
		{"an option by its name", question{title: "Clock", options: choice}, "ntp\n", "ntp", nil, nil, 0},
		{"an option that is not there", question{title: "Clock", options: choice}, "3\n0\n-1\ngps\n1\n", "ntp", nil,
			[]string{"want ntp or rtc"}, 4},
		{"the option that is offered", question{title: "Clock", options: choice, def: "rtc"}, "\n", "rtc", nil, nil, 0},
		{"back", question{title: "Name"}, "<\n", "", errBack, nil, 0},
		{"back after a bad one", question{title: "N", check: digits}, "x\n<\n", "", errBack, nil, 1},
		{"an end", question{title: "Name"}, "", "", errEnded, nil, 0},
		{"an end after a bad one", question{title: "N", check: digits}, "x\n", "", errEnded, nil, 1},
		{"an end where something is offered", question{title: "Name", def: "Hof"}, "", "", errEnded, nil, 0},
		{"help", question{title: "Name", help: "As on the door."}, "Hof\n", "Hof", nil, []string{"\nAs on the door.\n"},
			0},
	} {
		p, read := host(x.typed)
		got, err := newAsker(p, nil, false).ask(t.Context(), x.q)
		if got != x.want || !errors.Is(err, x.err) {
			t.Errorf("%s: %q, %v", x.name, got, err)
		}
		for _, w := range x.read {
			if !strings.Contains(read.String(), w) {
				t.Errorf("%s: they did not read %q but\n%s", x.name, w, read)
			}
		}
		if n := strings.Count(read.String(), x.q.title); n != x.again+1 {
			t.Errorf("%s: it was asked %d times:\n%s", x.name, n, read)
		}
	}
}

// TestAFlagIsAnAnswer: it is judged as one, and nothing is asked, with a person and without.
func TestAFlagIsAnAnswer(t *testing.T) {
	check := func(s string) error {
		if s != "0.49" {
			return errors.New("want 0.49")
		}
		return nil
	}
	for _, x := range []struct {
		q          question
		said, want string
		fault      string
	}{
		{question{flag: "price", amount: true, check: check}, "0,49", "0.49", ""},
		{question{flag: "price", amount: true, check: check}, "0.50", "", `--price "0.50": want 0.49`},
		{question{flag: "price", check: check}, "", "", `--price "": this is needed`},
		{question{flag: "price", def: "0.49", check: check}, "", "", `--price "": this is needed`},
		{question{flag: "kiosk", optional: true, def: "K1"}, "", "", ""},
		{question{flag: "clock", options: []string{"ntp", "rtc"}}, "1", "", `--clock "1": want ntp or rtc`},
		{question{flag: "clock", options: []string{"ntp", "rtc"}}, "rtc", "rtc", ""},
	} {
		for _, unattended := range []bool{false, true} {
			p, read := host("something else\n")
			got, err := newAsker(p, map[string]string{x.q.flag: x.said}, unattended).ask(t.Context(), x.q)
			var usage cli.UsageError
			if got != x.want || (x.fault == "") != (err == nil) || err != nil &&
				(!errors.As(err, &usage) || !strings.Contains(err.Error(), x.fault)) {
				t.Errorf("--%s %q: %q, %v", x.q.flag, x.said, got, err)
			}
			if read.Len() > 0 {
				t.Errorf("--%s: they read %s", x.q.flag, read)
			}
		}
	}
}

// TestWithoutAPersonEverythingThatIsMissingIsNamed once, in order, and not only the first.
func TestWithoutAPersonEverythingThatIsMissingIsNamed(t *testing.T) {
	p, read := host("never read\n")
	a := newAsker(p, map[string]string{"address": "Strasse 1"}, true)
	for _, flag := range []string{"price", "name", "address", "price"} {
		if _, err := a.ask(t.Context(), question{flag: flag}); err != nil {
			t.Fatal(err)
		}
	}
	offered, err := a.ask(t.Context(), question{flag: "currency", def: "EUR"})
	if err != nil || offered != "EUR" {
		t.Errorf("what is usual is %q, %v", offered, err)
	}
	if nothing, err := a.ask(t.Context(), question{flag: "kiosk", optional: true}); nothing != "" || err != nil {
		t.Errorf("what may be left out is %q, %v", nothing, err)
	}
	var usage cli.UsageError
	if err := a.incomplete(); !errors.As(err, &usage) || !strings.HasSuffix(err.Error(), ": --name, --price") {
		t.Errorf("missing are %v", err)
	}
	if read.Len() > 0 {
		t.Errorf("no person is there, and reads %s", read)
	}
}

// TestBackGoesToTheQuestionBefore, from a group of questions to the one before it, and at the first one nowhere.
func TestBackGoesToTheQuestionBefore(t *testing.T) {
	for _, x := range []struct {
		typed string
		want  string // the questions in the order in which they were asked
	}{
		{"1 2 3 4", "a b c d"}, {"1 < 1 2 3 4", "a b a b c d"}, {"< < 1 2 3 4", "a a a b c d"},
		{"1 2 3 < < < 1 2 3 4", "a b c d c b a b c d"}, {"1 2 < 2 3 4", "a b c b c d"},
	} {
		p, _ := host(strings.ReplaceAll(x.typed, " ", "\n") + "\n")
		a := newAsker(p, nil, false)
		var asked []string
		q := func(name string) func() error {
			return func() error {
				asked = append(asked, name)
				_, err := a.ask(t.Context(), question{title: name})
				return err
			}
		}
		if err := steps(q("a"), q("b"), q("c"), q("d")); err != nil || strings.Join(asked, " ") != x.want {
			t.Errorf("%s: %v, %v, want %s", x.typed, asked, err, x.want)
		}
	}
	broken := errors.New("broken")
	if err := steps(func() error { return nil }, func() error { return broken }, func() error {
		t.Error("asked after an error")
		return nil
	}); err != broken {
		t.Errorf("error %v", err)
	}
}

// TestYesAndNo in any spelling; anything else is asked again, and without a person the usual one holds.
func TestYesAndNo(t *testing.T) {
	for typed, want := range map[string]bool{"yes\n": true, "y\n": true, "YES\n": true, "no\n": false, "N\n": false,
		"ja\nmaybe\nyes\n": true, "1\n0\nno\n": false, "<\nyes\n": true} {
		for _, def := range []bool{true, false} {
			p, _ := host(typed)
			if got, err := newAsker(p, nil, false).sure(t.Context(), "Sure?", def); got != want || err != nil {
				t.Errorf("%q, usually %v: %v, %v", typed, def, got, err)
			}
			p, read := host("\n")
			if got, err := newAsker(p, nil, false).sure(t.Context(), "Sure?", def); got != def || err != nil {
				t.Errorf("nothing, usually %v: %v, %v\n%s", def, got, err, read)
			}
			p, read = host(typed)
			if got, err := newAsker(p, nil, true).sure(t.Context(), "Sure?", def); got != def || err != nil ||
				read.Len() > 0 {
				t.Errorf("without a person, usually %v: %v, %v", def, got, err)
			}
		}
	}
	p, _ := host("perhaps\n")
	if got, err := newAsker(p, nil, false).sure(t.Context(), "Sure?", true); got || !errors.Is(err, errEnded) {
		t.Errorf("an end: %v, %v", got, err)
	}
}

// TestChoosing some of a list by numbers: blanks or commas between them, and no bad number is passed over.
func TestChoosing(t *testing.T) {
	all := []string{"site", "terminal", "bays"}
	for typed, want := range map[string]string{"1\n": "site", "3 1\n": "bays site", "1,2, 3\n": "site terminal bays",
		"\n": "", "0\n4\nx\n1 x\n2\n": "terminal", "1 9\n3\n": "bays"} {
		p, read := host(typed)
		got, err := newAsker(p, nil, false).choose(t.Context(), "What?", all)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v\n%s", typed, got, err, read)
		}
	}
}

// TestAnInputThatFails is told as it is, and one that ends as a host who gave up. An interrupt ends the questions.
func TestAnInputThatFails(t *testing.T) {
	broken := errors.New("the line is broken")
	p, _ := host("")
	p.In = iotest.ErrReader(broken)
	if _, err := newAsker(p, nil, false).ask(t.Context(), question{title: "Name"}); !errors.Is(err, broken) {
		t.Errorf("a broken input: %v", err)
	}
	p.In = io.MultiReader(strings.NewReader("bad\n"), iotest.ErrReader(broken))
	never := question{title: "Name", check: func(string) error { return errors.New("no") }}
	if _, err := newAsker(p, nil, false).ask(t.Context(), never); !errors.Is(err, broken) {
		t.Errorf("an input that breaks: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	never.check = func(string) error { cancel(); return errors.New("no") }
	p, read := host("a\nb\nc\n")
	if _, err := newAsker(p, nil, false).ask(ctx, never); !errors.Is(err, context.Canceled) ||
		strings.Count(read.String(), "Name: ") != 1 {
		t.Errorf("an interrupt: %v\n%s", err, read)
	}
	for r := range slices.Values([]io.Reader{iotest.OneByteReader(strings.NewReader("Müller\nx\n")),
		iotest.HalfReader(strings.NewReader("Müller\nx\n")), iotest.DataErrReader(strings.NewReader("Müller"))}) {
		p.In = r
		if got, err := newAsker(p, nil, false).ask(t.Context(), question{title: "Name"}); got != "Müller" ||
			err != nil {
			t.Errorf("in pieces: %q, %v", got, err)
		}
	}
}

// TestNothingIsChosenByWhatWasRefused: the numbers of an answer that was not taken are none of the next one's.
func TestNothingIsChosenByWhatWasRefused(t *testing.T) {
	for _, typed := range []string{"1 x\n\n", "1 9\n-\n"} {
		p, read := host(typed)
		got, err := newAsker(p, nil, false).choose(t.Context(), "What shall change?", allParts)
		if err != nil || len(got) > 0 {
			t.Errorf("%q chooses %q, %v\n%s", typed, got, err, read)
		}
	}
}
