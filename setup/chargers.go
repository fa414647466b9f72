package setup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kioskd"
	"kioskd/config"
	"kioskd/file"
	"kioskd/ocpp"
	"kioskd/site"
)

// usualListen is where chargers connect unless the host says otherwise.
const usualListen = "tcp://0.0.0.0:8887"

// How long a charger is waited for that was told the kiosk's address, and watched that may let energy flow by itself.
const (
	chargerWithin = 5 * time.Minute
	watchedFor    = 30 * time.Second
)

// noSale is a desk that sells nothing: a transaction that begins is a charger that lets a vehicle charge by itself.
type noSale struct {
	mu    sync.Mutex
	began map[int]kiosk.Transaction // by bay
}

var errNoSale = errors.New("setup sells nothing")

func (d *noSale) Started(context.Context, int, kiosk.Transaction, kiosk.Reading) error {
	return errNoSale
}

func (d *noSale) Ended(context.Context, ocpp.Ended) error { return nil }

func (d *noSale) Refused(_ context.Context, bay int, t kiosk.Transaction, _ error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.began[bay] = t
	return nil
}

func (d *noSale) free(bay int) (kiosk.Transaction, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.began[bay]
	return t, ok
}

// central is the central system while a site is set up.
type central struct {
	*ocpp.Server
	desk *noSale
	end  func() error
}

// serveChargers takes chargers where the configuration says.
func (w *wizard) serveChargers(ctx context.Context, all []ocpp.Settings) (*central, error) {
	address := w.listens()
	c := &central{desk: &noSale{began: map[int]kiosk.Transaction{}}}
	c.Server = ocpp.New(ocpp.Options{Chargers: all, Desk: c.desk, Now: time.Now, PlugIn: time.Minute,
		Sample: 10 * time.Second, Log: site.QuietLog()})
	l, err := net.Listen("tcp", strings.TrimPrefix(address, "tcp://"))
	if err != nil {
		return nil, fmt.Errorf("cannot listen for chargers at %s: %w", address, err)
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, l, nil) }()
	c.end = func() error { stop(); return <-ended }
	return c, nil
}

// listens is where chargers connect. With TLS it is the daemon's matter: setup has them connect without.
func (w *wizard) listens() string {
	address := w.file.Get("ocpp.listen")
	if address == "" {
		address = usualListen
	}
	return address
}

// proveChargers waits for the chargers of plans, sets them, and, with a person, proves that none lets energy flow
// without a payment.
func (w *wizard) proveChargers(ctx context.Context, plans []plan) error {
	mine := slices.DeleteFunc(slices.Clone(plans), func(b plan) bool { return b.charger == nil })
	if len(mine) == 0 {
		return nil
	}
	if w.file.At("ocpp") == nil {
		w.file.Set("ocpp.listen", config.TextNode(usualListen))
	}
	if w.flags.NoPulse {
		return nil
	}
	if strings.HasPrefix(w.listens(), "tls://") {
		fmt.Fprintln(w.Out, "The chargers connect by TLS, to the daemon alone: kioskd doctor tells what they refuse.")
		return nil
	}
	c, err := w.serveChargers(ctx, site.ChargerSettings(&config.Config{Bays: configs(mine)}))
	if err != nil {
		return err
	}
	for _, r := range c.Chargers() {
		err = errors.Join(err, w.awaitCharger(ctx, c, r.ID))
	}
	for _, b := range mine {
		if err == nil {
			err = w.proveNoFreeVend(ctx, c, b)
		}
	}
	for _, r := range c.Chargers() {
		if err == nil {
			err = w.givePassword(ctx, c, r.ID, plans)
		}
	}
	return errors.Join(err, c.end())
}

// passwordLength is the most that OCPP 1.6 has for one.
const passwordLength = 20

// givePassword offers to give a charger a password that has none: without one, any device in its network may say that
// it is this charger. Where the charger does not come back with it, it is set up without.
func (w *wizard) givePassword(ctx context.Context, c *central, id string, plans []plan) error {
	mine := func(b plan) bool { return b.charger != nil && b.charger.ID == id }
	if w.unattended || slices.ContainsFunc(plans, func(b plan) bool { return mine(b) && b.password != "" }) {
		return nil
	}
	yes, err := w.sure(ctx, fmt.Sprintf("Give charger %s a password, by which it is known from now on", id), true)
	if err != nil || !yes {
		return err
	}
	password, name := rand.Text()[:passwordLength], filepath.Join("secrets", "charger-"+id)
	path := filepath.Join(filepath.Dir(w.file.Path), name)
	// it is on disk before the charger has it: without it no person gets in any more
	err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), file.Write(path, []byte(password+"\n"), 0o600))
	if err != nil {
		return fmt.Errorf("cannot keep the password of charger %s: %w", id, err)
	}
	progress := w.Progress()
	progress.Now(fmt.Sprintf("charger %s is given a password, and connects again", id))
	err = c.GivePassword(ctx, id, password)
	progress.End()
	if err != nil {
		fmt.Fprintf(w.Out, "Charger %s has no password: %v. Set one in it by hand, 16 to 40 characters, write it to "+
			"a file, and name that as charger.password_file. Should it have taken the one that setup made: it is in "+
			"%s.\n", id, err, path)
		return nil
	}
	fmt.Fprintf(w.Out, "charger %s: its password is in %s\n", id, path)
	for i := range plans {
		if mine(plans[i]) {
			plans[i].password = name
		}
	}
	return nil
}

// awaitCharger waits until a charger is connected and set.
func (w *wizard) awaitCharger(ctx context.Context, c *central, id string) error {
	progress := w.Progress()
	defer progress.End()
	for end := time.Now().Add(chargerWithin); ; {
		at := slices.IndexFunc(c.Chargers(), func(r ocpp.Report) bool { return r.ID == id })
		if r := c.Chargers()[at]; r.Connected && r.Set {
			progress.End()
			return w.tellCharger(r)
		}
		progress.Now(fmt.Sprintf("charger %s is waited for at %s", id, w.listens()))
		if time.Now().After(end) {
			return fmt.Errorf("charger %s did not connect to %s within %v: are this computer's address and the "+
				"identity in its settings, and does it speak OCPP 1.6-J", id, w.listens(), chargerWithin)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tellCharger says what a charger is, and what it refuses. One that lets vehicles charge by themselves is not set up.
func (w *wizard) tellCharger(r ocpp.Report) (err error) {
	fmt.Fprintf(w.Out, "charger %s: %s %s, firmware %s, from %s\n", r.ID, r.Vendor, r.Model, r.Firmware, r.Address)
	for _, s := range r.Refused {
		fmt.Fprintf(w.Out, "  it does not take %s=%s (%s): it has %q\n", s.Key, s.Value, s.Why, s.Has)
		if s.Free {
			err = errors.Join(err, fmt.Errorf("charger %s: set %s to %s by hand: %s", r.ID, s.Key, s.Value, s.Why))
		}
	}
	if r.Unfused {
		fmt.Fprintln(w.Out, "  it takes no charging profile: cut off, it goes on; it is sold only with a hold that "+
			"covers what it delivers until it is given up")
	}
	return err
}

// proveNoFreeVend has a vehicle plugged in without a payment: no transaction may begin.
func (w *wizard) proveNoFreeVend(ctx context.Context, c *central, b plan) error {
	if w.unattended {
		fmt.Fprintf(w.Out, "bay %d: not proven that it gives no energy without a payment: plug a vehicle in, and see\n",
			b.number)
		return nil
	}
	n := c.Connector(b.charger.ID, b.charger.Connector)
	question := fmt.Sprintf("Plug a vehicle in at bay %d, and pay nothing. Done?", b.number)
	for {
		if err := w.done(ctx, question); err != nil {
			return err
		}
		in, err := n.Inputs(ctx)
		if err == nil && in.Plugged {
			break
		}
		question = fmt.Sprintf("The charger does not tell of a vehicle at connector %d. Plug it in. Done?",
			b.charger.Connector)
	}
	progress := w.Progress()
	defer progress.End()
	for end := time.Now().Add(watchedFor); time.Now().Before(end); {
		if t, began := c.desk.free(b.number); began {
			return fmt.Errorf("bay %d: the charger began by itself, for %q: turn free vending, autostart, and plug "+
				"and charge off in its settings", b.number, t.IDTag)
		}
		progress.Now(fmt.Sprintf("bay %d: no energy may flow now", b.number))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	progress.End()
	fmt.Fprintf(w.Out, "bay %d: no energy flows without a payment\n", b.number)
	return w.done(ctx, "Unplug it again. Done?")
}

// plansOfChargers asks which chargers connect, and which bays they are.
func (w *wizard) plansOfChargers(ctx context.Context, before []plan) (out []plan, err error) {
	any, err := w.sure(ctx, "Are there chargers that speak OCPP?", len(before) == 0)
	if err != nil || !any {
		return nil, err
	}
	said, err := w.ask(ctx, question{title: "Where do they connect", def: w.listens(),
		help: "The address and the port of this computer that chargers are told: tcp://0.0.0.0:8887 is each of its " +
			"networks.", check: listenAddress})
	if err != nil {
		return nil, err
	}
	w.file.Set("ocpp.listen", config.TextNode(said))
	c, err := w.serveChargers(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(said, "tcp://"))
	fmt.Fprintf(w.Out, "Type ws://THIS-COMPUTER:%s/ocpp into each charger, where THIS-COMPUTER is one of %s, and its "+
		"name as the identity. They may take minutes to connect.\n", port, strings.Join(ownAddresses(), ", "))
	found, err := w.strangers(ctx, c)
	err = errors.Join(err, c.end())
	if err != nil {
		return nil, err
	}
	for _, x := range found {
		if x.Connectors == 0 { // one of OCPP 2.x does not say before it is taken
			said, err := w.ask(ctx, question{def: "1", check: inputNumber,
				title: fmt.Sprintf("How many vehicles charge at charger %s at a time", x.ID)})
			if err != nil {
				return nil, err
			}
			x.Connectors, err = strconv.Atoi(said)
			if err != nil {
				return nil, err
			}
		}
		for number := 1; number <= max(1, x.Connectors); number++ {
			b, err := w.planOfConnector(ctx, x, number, append(slices.Clone(before), out...))
			if err != nil {
				return nil, err
			}
			if b != nil {
				out = append(out, *b)
			}
		}
	}
	return out, nil
}

func listenAddress(s string) error {
	if _, port, err := net.SplitHostPort(strings.TrimPrefix(s, "tcp://")); err != nil || port == "" ||
		!strings.HasPrefix(s, "tcp://") {
		return errors.New("want an address such as tcp://0.0.0.0:8887")
	}
	return nil
}

// ownAddresses are this computer's.
func ownAddresses() (out []string) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return []string{"its address"}
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			out = append(out, n.IP.String())
		}
	}
	return append(out, "127.0.0.1")
}

// strangers are the chargers that connect, once a person says that all are there.
func (w *wizard) strangers(ctx context.Context, c *central) ([]ocpp.Stranger, error) {
	for {
		if err := w.done(ctx, "Look which are there. Done?"); err != nil {
			return nil, err
		}
		found := c.Strangers()
		for _, x := range found {
			fmt.Fprintf(w.Out, "charger %s: %s %s, firmware %s, %d connectors, from %s\n", x.ID, x.Vendor, x.Model,
				x.Firmware, x.Connectors, x.Address)
		}
		if len(found) == 0 {
			fmt.Fprintln(w.Out, "No charger has connected yet.")
		}
		silent := slices.ContainsFunc(found, func(x ocpp.Stranger) bool { return x.Connectors == 0 })
		all, err := w.sure(ctx, "Are all there?", len(found) > 0 && !silent)
		if err != nil || all {
			return found, err
		}
	}
}

// planOfConnector asks which bay a connector is; nil for none.
func (w *wizard) planOfConnector(ctx context.Context, x ocpp.Stranger, number int, before []plan) (*plan, error) {
	b := &plan{charger: &config.Charger{ID: x.ID, Connector: number}, coil: -1, plugged: -1, feedback: -1,
		requesting: -1, emergency: -1}
	taken := func(n int) bool { return slices.ContainsFunc(before, func(p plan) bool { return p.number == n }) }
	next := 1
	for taken(next) {
		next++
	}
	said, err := w.ask(ctx, question{
		title: fmt.Sprintf("Number of the bay that connector %d of charger %s is, 0 for none", number, x.ID),
		def:   strconv.Itoa(next), check: func(s string) error {
			n, _ := strconv.Atoi(s) // inputNumber tells what is no number
			if n > 0 && taken(n) {
				return fmt.Errorf("bay %d is another one already", n)
			}
			return inputNumber(s)
		}})
	if err != nil {
		return nil, err
	}
	b.number, err = strconv.Atoi(said)
	if err != nil || b.number == 0 {
		return nil, err
	}
	err = w.meterInFront(ctx, b, before)
	if err != nil {
		return nil, err
	}
	return b, w.powerAndEVSE(ctx, b, before)
}

// meterInFront asks whether a meter of the host's counts what a charger's connector delivers, where one is left.
func (w *wizard) meterInFront(ctx context.Context, b *plan, before []plan) error {
	const none = "none, the charger counts"
	names := []string{none}
	left := slices.DeleteFunc(slices.Clone(w.meters()), func(m meterAt) bool {
		return slices.ContainsFunc(before, func(p plan) bool {
			return p.meterAt == m.line.address && p.meter.Unit == m.Unit
		})
	})
	for _, m := range left {
		names = append(names, m.String())
	}
	if len(left) == 0 {
		return nil
	}
	said, err := w.ask(ctx, question{options: names, def: none,
		title: fmt.Sprintf("Which meter is in front of connector %d of charger %s", b.charger.Connector, b.charger.ID)})
	if err == nil && said != none {
		m := left[slices.Index(names, said)-1]
		b.meter, b.meterAt = m.Found, m.line.address
	}
	return err
}

// parseCharger reads what a --bay says of a charger's connector.
func (b *plan) parseCharger(words map[string]string) (err error) {
	b.charger.Connector = 1
	for key, value := range words {
		number := map[string]*int{"number": &b.number, "max": &b.max, "connector": &b.charger.Connector}[key]
		switch {
		case key == "charger", key == "meter":
		case key == "evse":
			b.evse = value
			err = errors.Join(err, evseID(value))
		case key == "password":
			b.password = value
		case number == nil:
			err = errors.Join(err, fmt.Errorf("unknown %q: of a charger are known number, charger, connector, "+
				"password, meter, max and evse", key))
		default:
			n, no := strconv.Atoi(value)
			if no != nil || n < 1 {
				err = errors.Join(err, fmt.Errorf("%s: %q is not a number", key, value))
			}
			*number = n
		}
	}
	if b.number == 0 {
		err = errors.Join(err, errors.New("number is needed"))
	}
	return errors.Join(err, watts(b.max))
}
