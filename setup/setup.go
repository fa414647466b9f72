// Package setup is the wizard that sets a site up, or changes it: it asks the devices who they are, and the host what
// only they know, writes the configuration whole or not at all, and proves it by the doctor and a hold that is released
// at once. What a person answered is offered again after an interruption; a password is in no file but the terminal's
// own. Without a person it collects every answer that is missing. It takes no device while a driver charges.
package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"kioskd"
	"kioskd/api"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/file"
	"kioskd/site"
	"kioskd/socket"
	"kioskd/store"
	"kioskd/ui/text"
)

// wizard sets a site up.
type wizard struct {
	cli.Program
	*asker
	file    *config.File
	flags   Options
	found   []foundLine
	managed bool         // the daemon is systemd's
	unname  func() error // gives adapters the names that they had; nil where they have them
}

// Options are what flags say.
type Options struct {
	Path            string            // of the configuration
	Given           map[string]string // answers, by the flags of Questions
	Lines, Bays     []string
	From, To        int // units to ask on a bus
	Tariff          string
	Chargers        string // address at which chargers connect
	Journal, Socket string
	NoPulse         bool // close no contactor to prove which one it is
	NoTest          bool // no hold to try the terminal with
	Yes             bool // ask no question
	AcceptPrice     bool
}

// Run sets a site up, or changes it.
func Run(ctx context.Context, p cli.Program, o Options) (err error) {
	w := &wizard{Program: p, flags: o, asker: newAsker(p, o.Given, o.Yes)}
	w.file, err = config.OpenFile(o.Path)
	if err != nil {
		return cli.Usage(err)
	}
	if !o.Yes {
		if err := w.file.FromDraft(); err != nil {
			return fmt.Errorf("cannot read what was answered the last time: %w", err)
		}
	}
	parts, err := w.parts(ctx)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		fmt.Fprintln(p.Out, "Nothing is to be changed.")
		return nil
	}
	err = w.run(ctx, parts)
	if err != nil && !o.Yes && config.Exists(w.file.Draft()) {
		fmt.Fprintln(w.Out, "Nothing was set up. What was answered is offered again the next time.")
	}
	return err
}

// Flag is a question whose answer can be a flag.
type Flag struct{ Name, Title string }

// Flags lists them.
func Flags() (out []Flag) {
	for _, q := range setupQuestions() {
		out = append(out, Flag{q.flag, q.title})
	}
	return out
}

// parts are those to be asked for: all of a new site, else those that flags name, or a person.
func (w *wizard) parts(ctx context.Context) ([]string, error) {
	if w.file.Before == nil {
		return allParts, nil
	}
	named := map[string]bool{partBays: len(w.flags.Bays) > 0, partPrice: w.flags.Tariff != "" || w.flags.AcceptPrice}
	for _, q := range setupQuestions() {
		if _, ok := w.given[q.flag]; ok {
			named[q.part] = true
		}
	}
	var out []string
	for _, part := range allParts {
		if named[part] {
			out = append(out, part)
		}
	}
	if len(out) > 0 || w.unattended {
		w.unattended = true // the others stay as they are
		return out, nil
	}
	return w.choose(ctx, w.file.Path+" is there. What shall change?", allParts)
}

func (w *wizard) run(ctx context.Context, parts []string) error {
	w.managed = w.file.Path == config.Packaged && config.Exists("/run/systemd/system")
	signal.Ignore(syscall.SIGPIPE) // the reader of its output may go: what was begun is ended in order
	if config.Exists("/var/lib/kioskd/upgrade/begun") && w.managed {
		return errors.New("an upgrade of kioskd is not finished: systemctl status kioskd-upgrade")
	}
	was := wasSite{w.absolute(w.file.Get("screen.socket")), w.absolute(w.file.Get("journal"))}
	for _, text := range w.flags.Bays { // before anything is asked or switched
		if _, _, _, err := parsePlan(text); err != nil {
			return cli.Usagef("setup: --bay %q: %w", text, err)
		}
	}
	if w.managed && os.Geteuid() != 0 {
		return errors.New("setup writes /etc/kioskd: run it as root")
	}
	if w.flags.Chargers != "" {
		if err := listenAddress(w.flags.Chargers); err != nil {
			return cli.Usagef("setup: --ocpp %q: %w", w.flags.Chargers, err)
		}
		w.file.Set("ocpp.listen", config.TextNode(w.flags.Chargers))
	}
	secret, err := w.answers(ctx, parts)
	err = errors.Join(err, w.remember())
	if err != nil {
		return err
	}
	for path, s := range map[string]string{"journal": w.flags.Journal, "screen.socket": w.flags.Socket} {
		if s != "" {
			w.file.Set(path, config.TextNode(s))
		}
	}
	again, err := w.stopDaemon(ctx, was.socket)
	if err != nil {
		return err
	}
	devices := slices.Contains(parts, partTerminal) && !w.sameTerminal() || slices.Contains(parts, partBays)
	c, err := w.change(ctx, was.journal, parts, devices, secret)
	if c != nil {
		err = w.prove(ctx, c, devices)
	} else if err != nil && w.unname != nil {
		err = errors.Join(err, w.unname())
	}
	if w.managed && (again || c != nil) {
		return errors.Join(err, w.startDaemon(context.WithoutCancel(ctx), again && c != nil))
	}
	return err
}

// wasSite is where the site was before anything was answered.
type wasSite struct{ socket, journal string }

// startDaemon lets kioskd sell. Where it does not start with what was changed, and did before, it
// goes on as before.
func (w *wizard) startDaemon(ctx context.Context, changed bool) error {
	err := systemctl(ctx, "restart", "kioskd.service")
	if err == nil {
		fmt.Fprintln(w.Out, "kioskd runs.")
		return nil
	}
	if !changed {
		return err
	}
	if no := os.Rename(w.file.Path, w.file.Path+".refused"); no != nil {
		return errors.Join(err, no)
	}
	return errors.Join(fmt.Errorf("kioskd does not start with it: it goes on as before, and what was written is "+
		"%s.refused: %w", w.file.Path, err),
		file.Write(w.file.Path, w.file.Before, 0o640), systemctl(ctx, "restart", "kioskd.service"))
}

// answers asks what only the host knows; the password of the terminal is for no file that others
// read.
func (w *wizard) answers(ctx context.Context, parts []string) (secret string, err error) {
	var all []func() error
	for _, part := range parts {
		for _, q := range setupQuestions() {
			if q.part != part || q.flag == "price" || q.flag == "vat" {
				continue
			}
			all = append(all, func() error {
				s, err := w.answer(ctx, q)
				if err == nil && q.flag == "password" {
					secret = s
				}
				return err
			})
		}
		if part == partPrice {
			all = append(all, func() error { return w.price(ctx) })
		}
	}
	if !w.unattended {
		fmt.Fprintf(w.Out, "%s goes back to the question before.\n", backWord)
	}
	return secret, errors.Join(steps(all...), w.incomplete())
}

// change asks the devices and writes the configuration, as the only one who has the site. Without
// a configuration or an error nothing was to be changed.
func (w *wizard) change(ctx context.Context, journal string, parts []string, devices bool,
	secret string) (c *config.Config, err error) {
	journals := []string{w.absolute(w.file.Get("journal"))}
	if w.file.Before != nil && journal != journals[0] {
		journals = append(journals, journal)
	}
	for _, path := range journals {
		lock, err := store.Lock(path)
		if err != nil {
			return nil, err
		}
		defer lock.Close()
	}
	if devices {
		if err := w.lookAround(ctx, secret); err != nil {
			return nil, err
		}
	}
	if slices.Contains(parts, partTerminal) {
		secret, err = w.pinTerminal(ctx, secret)
		if err != nil {
			return nil, err
		}
	}
	if slices.Contains(parts, partBays) {
		if err := w.bays(ctx); err != nil {
			return nil, err
		}
	}
	if secret != "" {
		back, no := w.keepPassword(secret)
		if no != nil {
			return nil, no
		}
		defer func() {
			if err != nil { // of this function: what was written with it was refused
				err = errors.Join(err, back())
			}
		}()
	}
	if slices.Contains(parts, partPrice) {
		if err := w.acceptPrice(ctx); err != nil {
			return nil, err
		}
	}
	if len(w.file.Changed) == 0 && w.file.Before != nil {
		if secret == "" {
			fmt.Fprintln(w.Out, "Nothing to change: the configuration already says this.")
		}
		return nil, nil
	}
	return w.write()
}

// write puts the configuration in its place.
func (w *wizard) write() (*config.Config, error) {
	c, err := w.file.Write()
	if c == nil {
		return nil, w.notWritten(err)
	}
	if err != nil { // the configuration is in its place, and its draft still beside it
		w.Note(err.Error())
	}
	fmt.Fprintf(w.Out, "%s: %s\n", w.file.Path, strings.Join(w.file.Changed, ", "))
	return c, nil
}

// notWritten says where what could not be written is.
func (w *wizard) notWritten(err error) error {
	path, next := w.file.Path, w.file.Next()
	return errors.Join(fmt.Errorf("%s is as it was; what was to be written is %s", path, next), w.BadInput(err))
}

// absolute is a path of the configuration.
func (w *wizard) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(w.file.Path), path)
}

// sameTerminal tells whether nothing was asked for that needs the terminal itself.
func (w *wizard) sameTerminal() bool {
	return w.file.Before != nil && len(w.flags.Lines) == 0 && w.unattended
}

// acceptPrice confirms a price that is far from that of the last sale, where it is meant.
func (w *wizard) acceptPrice(ctx context.Context) error {
	c, err := w.file.Try()
	if err != nil {
		return w.notWritten(err)
	}
	defer os.Remove(w.file.Next())
	far, err := site.FarPrice(ctx, c)
	if far == nil || err != nil {
		return err
	}
	if meant, err := w.sure(ctx, "Since the last sale "+far.What+". Is that meant?", w.flags.AcceptPrice); err != nil ||
		!meant {
		return cmp.Or(
			err, error(cli.Usagef("setup: since the last sale %s; if that is meant, say so with --accept-price",
				far.What)))
	}
	w.file.Set("accept_tariff", config.TextNode(far.Accept))
	return nil
}

// keepPassword puts the terminal's password where only root, and by systemd the daemon, reads it;
// back undoes it.
func (w *wizard) keepPassword(password string) (back func() error, err error) {
	dir := filepath.Join(filepath.Dir(w.file.Path), "secrets")
	path := filepath.Join(dir, "terminal")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	had, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	back = func() error { return file.Write(path, had, 0o600) }
	if err != nil {
		back = func() error { return os.Remove(path) }
	}
	if err := file.Write(path, []byte(password+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("cannot keep the terminal's password: %w", err)
	}
	w.file.Drop("terminal.password")
	w.file.Set("terminal.password_file", config.TextNode("secrets/terminal"))
	fmt.Fprintln(w.Out, "The terminal's password is kept for root alone.")
	return back, nil
}

// stopDaemon makes the devices free, and tells whether kioskd.service had them. A driver who charges is
// waited for. What is wrong with the configuration may be what is about to be changed: the daemon is
// looked for where the file had it, and where the package has it.
func (w *wizard) stopDaemon(ctx context.Context, screen string) (ran bool, err error) {
	ended := context.WithoutCancel(ctx) // what was begun is ended, although the host has enough of waiting
	unit := "inactive"
	if w.managed {
		out, err := exec.CommandContext(ended, "systemctl", "show", "-P", "ActiveState", "kioskd.service").Output()
		unit = strings.TrimSpace(string(out))
		if err != nil {
			return false, fmt.Errorf("cannot ask for kioskd.service: %w", err)
		}
	}
	ran = unit != "inactive" && unit != "failed" // also one that is tried again and again
	for _, at := range []string{screen, "/run/kioskd/ui.sock"} {
		control := (&config.Config{Socket: at}).Control()
		if at != screen && !w.managed || !socket.Answers(control) {
			continue
		}
		if !ran {
			return false, cli.Usagef("kioskd runs with %s, and not as kioskd.service: stop it first", w.file.Path)
		}
		r := api.Dial(control)
		if err := r.UntilDrained(ctx, api.DrainLimit, w.Waiting); err != nil {
			_, sells := r.Drain(ended, false)
			return false, errors.Join(err, sells)
		}
		break
	}
	if !ran {
		return false, nil
	}
	// Whatever becomes of this program: who sold before goes on selling.
	me := strconv.Itoa(os.Getpid())
	out, err := exec.CommandContext(ended, "systemd-run", "--quiet", "--collect", "--unit=kioskd-setup-"+me,
		"sh", "-c", "tail --pid="+me+" -f /dev/null; pkill -f -- '[-]-config "+w.file.Path+testSuffix+"'; systemctl "+
			"start kioskd.service").CombinedOutput()
	if err != nil {
		return false, errors.Join(fmt.Errorf("systemd-run: %w: %s", err, out),
			systemctl(ended, "restart", "kioskd.service"))
	}
	if err := systemctl(ended, "stop", "kioskd.service"); err != nil {
		return false, errors.Join(err, systemctl(ended, "restart", "kioskd.service"))
	}
	return true, nil
}

func systemctl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// password is the terminal's, as a configuration has it that is there.
func (w *wizard) password() string {
	if path := w.file.Get("terminal.password_file"); path != "" {
		if b, err := file.ReadSecret(w.absolute(path)); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return w.file.Get("terminal.password")
}

// remember keeps what a person answered of a new site, to offer it again where setup does not come
// to its end.
func (w *wizard) remember() error {
	if w.unattended || w.file.Before != nil || len(w.file.Changed) == 0 {
		return nil
	}
	return w.file.KeepDraft()
}

func (w *wizard) currency() kiosk.Currency {
	return kiosk.Currency(cmp.Or(w.file.Get("site.currency"), "EUR"))
}

// pinTerminal writes down which terminal this site's is, and tells the password that it took. A
// password alone is tried on the one that is written down.
func (w *wizard) pinTerminal(ctx context.Context, secret string) (password string, err error) {
	if w.sameTerminal() {
		if secret == "" {
			return "", nil
		}
		f := finder{tell: w.Progress(), password: secret, currency: w.currency()}
		address := w.file.Get("terminal.address")
		var at foundLine
		if _, err := f.card(ctx, address, true, &at); at.terminal == nil || err != nil {
			return "", fmt.Errorf("%w; nothing was changed", cmp.Or(err, at.refused,
				fmt.Errorf("the terminal at %s does not answer", address)))
		}
		return secret, nil
	}
	var there []foundLine
	var addresses []string
	for _, l := range w.found {
		if l.terminal != nil {
			there, addresses = append(there, l), append(addresses, l.address)
		}
	}
	if len(there) == 0 {
		for _, l := range w.found {
			if l.refused != nil {
				return "", fmt.Errorf("%w; see --password and --currency", l.refused)
			}
		}
		return "", errors.New("no card terminal answers: check its cable, that it is switched on, its mode (ZVT by " +
			"serial line or TCP) and its password (--password)")
	}
	at := 0
	if len(there) > 1 {
		s, err := w.ask(ctx, question{flag: "terminal", title: "Which is the card terminal?", options: addresses,
			def: addresses[0]})
		if err != nil {
			return "", err
		}
		at = slices.Index(addresses, s)
	}
	w.file.Set("terminal.address", config.TextNode(there[at].address))
	if id := there[at].terminal.TerminalID; len(id) == 8 && strings.Trim(id, "0") != "" {
		w.file.Set("terminal.id", config.TextNode(id))
	}
	if said := there[at].password; said != w.tried(secret) { // setup asked for it again
		secret = said
	}
	return secret, nil
}

// tried is the password that a terminal is asked with at first.
func (w *wizard) tried(secret string) string { return cmp.Or(secret, w.password(), "000000") }

// prove asks every device with the new configuration, and, where devices were set up and all are
// well, the bank for a hold.
func (w *wizard) prove(ctx context.Context, c *config.Config, hold bool) error {
	fmt.Fprintln(w.Out, "\nThe doctor:")
	texts, err := text.Load()
	if err != nil {
		return err
	}
	devices, end, err := site.Reach(ctx, c)
	if err != nil {
		return err
	}
	found, err := devices.Examine(ctx)
	end()
	if err != nil {
		return err
	}
	ill := slices.ContainsFunc(found, func(f api.Finding) bool { return !f.OK })
	computer := slices.DeleteFunc(site.Computer(ctx, c), func(f api.Finding) bool {
		return f.Device == "copy" // which the daemon makes
	})
	err = w.Findings(append(computer, found...), texts.Printer("en"), "table")
	if err != nil {
		fmt.Fprintln(w.Out, "\nThe configuration is written. What is marked FAULT must be mended; then: kioskd doctor")
	}
	if hold && !ill && !w.flags.NoTest {
		err = errors.Join(err, w.tryHold(ctx, c))
	}
	return err
}
