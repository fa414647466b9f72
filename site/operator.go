package site

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/csms"
	"kioskd/csms/events"
	"kioskd/file"
	"kioskd/ocpp/v2"
	"kioskd/session"
	"kioskd/store"
	"kioskd/tariff"
)

// operator is the way to an operator's central system: what it sees of the site, and what the site lets it do.
type operator struct {
	s       *Site
	book    *operatorBook
	model   *csms.Model
	station *csms.Station
	do      *instructionRunner
	bays    []int // by their EVSEs: the first is EVSE 1

	resetting atomic.Bool

	mu    sync.Mutex
	keeps map[int]*time.Timer // of bays that are kept for web payments
}

// openOperator makes the way to the operator; nothing is sent before Run.
func (s *Site) openOperator(ctx context.Context) error {
	if s.c.CSMS == nil {
		return nil
	}
	o := &operator{s: s, bays: bayNumbers(s.c), keeps: map[int]*time.Timer{}}
	slices.Sort(o.bays)
	var err error
	o.book, err = openBook(ctx, s.journal, s.c.CSMS.URL.String()+" "+o.identity(), o.options, s.log)
	if err != nil {
		return err
	}
	secure, err := operatorTLS(s.c.CSMS.URL.Scheme, s.c.CSMS.CA, s.c.CSMS.Certificate, s.c.CSMS.Key)
	if err != nil {
		return err
	}
	o.do = &instructionRunner{by: events.ByOperator + s.c.CSMS.URL.Hostname(), journal: s.journal, owner: s.owner(),
		clock: s.clock, prices: s.prices, log: s.log}
	o.model = csms.NewModel(o.variables(), o.book.settings(), o.book.keepSettings)
	o.station = csms.New(csms.Config{URL: s.c.CSMS.URL.String(), Identity: o.identity(), Password: s.c.CSMS.Password,
		TLS: secure, Queue: o.book, Site: o, Model: o.model, Now: s.clock.Now, Log: s.log,
		Trace: s.traces("csms"), Mask: kiosk.MaskNumbers,
		Boot: v2.BootNotification{Reason: "PowerUp", Station: v2.Station{Vendor: "kioskd", Model: "kiosk",
			Serial: v2.Shortened(s.c.KioskID, 25), Firmware: v2.Shortened(s.options.Version, 50)}}})
	s.operator, s.screen.Web = o, o.web
	return nil
}

// identity is the station's name.
func (o *operator) identity() string { return cmp.Or(o.s.c.CSMS.Identity, o.s.c.KioskID) }

// cut is a text of at most n bytes.
// operatorTLS is how the operator is reached by wss. The certificate is read again with each connection.
func operatorTLS(scheme, ca, certificate, key string) (*tls.Config, error) {
	if scheme != "wss" {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("cannot read the operator's authority: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("cannot read the operator's authority: %s has no PEM certificate", ca)
		}
	}
	if certificate != "" {
		if _, err := file.ReadSecret(key); err != nil {
			return nil, fmt.Errorf("cannot read the kiosk's key for the operator: %w", err)
		}
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(certificate, key)
			return &c, err
		}
	}
	return out, nil
}

// run tells the operator what happens until ctx ends.
func (o *operator) run(ctx context.Context) {
	changed, cancel := o.s.control.Watch()
	for o.s.control.Snapshot().Starting { // it does not know yet what is true
		select {
		case <-changed:
		case <-ctx.Done():
			cancel()
			return
		}
	}
	cancel()
	for _, bay := range o.bays { // the payment that it was kept for is made, or not, by now
		o.kept(ctx, bay)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.authorize(ctx)
	}()
	o.station.Run(ctx)
	<-done
}

// options are what the journal does not say.
func (o *operator) options() events.Options {
	every := 60
	asked := false
	if o.model != nil {
		fmt.Sscan(o.model.Setting("SampledDataCtrlr", "TxUpdatedInterval"), &every)
		asked = o.asks()
	}
	return events.Options{EVSE: o.evse, TariffID: o.book.offerID, ReceiptURL: o.receipt, Asked: asked,
		Every: time.Duration(every) * time.Second}
}

// receipt is where a driver's receipt is shown; empty where nothing shows it.
func (o *operator) receipt(id, _ string) string {
	if o.s.c.Receipts.Short == "" && o.s.c.Receipts.Page == "" || o.s.screen.Receipt == nil {
		return ""
	}
	x, ok := o.s.control.Snapshot().State.Sessions[id]
	if !ok {
		return ""
	}
	if code := o.s.screen.Receipt(x).Code; len(code) <= longestURL {
		if u, err := url.Parse(code); err == nil && u.Scheme == "https" {
			return code
		}
	}
	return ""
}

// longestURL is that of a receiptUrl.
const longestURL = 2000

// evse is the number of a bay's EVSE; 0 for a bay that is gone. An EVSE's number has no gap (part 1, 8.3).
func (o *operator) evse(bay int) int { return slices.Index(o.bays, bay) + 1 }

// bay is the number of an EVSE's bay.
func (o *operator) bay(evse int) (int, error) {
	if evse < 1 || evse > len(o.bays) {
		return 0, &csms.Refusal{Status: v2.Rejected, Code: "UnknownEvse",
			Text: fmt.Sprintf("there are the EVSEs 1 to %d", len(o.bays))}
	}
	return o.bays[evse-1], nil
}

// asks tells whether the operator wants to be asked before a sale.
func (o *operator) asks() bool {
	return o.model.Setting("PaymentCtrlr", "AuthorizeDirectPayment") == "true"
}

// EVSEs implements csms.Site.
func (o *operator) EVSEs() (out []csms.EVSE) {
	snap := o.s.control.Snapshot()
	for i, bay := range o.bays {
		out = append(out, csms.EVSE{ID: i + 1, Status: statusOf(snap, bay)})
	}
	return out
}

// statusOf is a bay's state as OCPP has it (part 2, ConnectorStatusEnumType).
func statusOf(snap session.Snapshot, bay int) v2.ConnectorStatus {
	_, taken := snap.State.AtBay(bay)
	code, down := snap.State.Down(bay)
	switch {
	case taken:
		return v2.Occupied
	case snap.Halted, snap.Starting, snap.State.Draining:
		return v2.Unavailable
	case snap.State.Faults[session.FaultAt{Code: kiosk.FaultBayShut, Bay: bay}]:
		return v2.Unavailable
	case down:
		if def, _ := kiosk.FaultByCode(code); def.Severity == kiosk.SiteDown {
			return v2.Unavailable
		}
		return v2.Faulted
	case snap.Live[bay].Inputs.Plugged:
		return v2.Occupied
	}
	return v2.Available
}

// Faults implements csms.Site.
func (o *operator) Faults() (out []csms.Fault) {
	for _, at := range sortedFaults(o.s.control.Snapshot().State) {
		if at.Code == kiosk.FaultBayShut { // the host's will
			continue
		}
		def, _ := kiosk.FaultByCode(at.Code)
		out = append(out, csms.Fault{EVSE: o.evse(at.Bay), Code: string(at.Code), Text: string(def.Severity)})
	}
	return out
}

// Changed implements csms.Site.
func (o *operator) Changed() (<-chan struct{}, func()) { return o.s.control.Watch() }

// Start implements csms.Site: the host's configuration must allow it, and the word of the operator stands in the place
// of a hold.
func (o *operator) Start(ctx context.Context, evse, remote int, token v2.IDToken) error {
	no := func(code, text string) error {
		return &csms.Refusal{Status: v2.Rejected, Code: code, Text: text}
	}
	switch {
	case !o.s.c.CSMS.RemoteStart:
		return no("NotEnabled", "the host does not let an operator start a transaction: csms.remote_start")
	case kiosk.MaskNumbers(token.Token) != token.Token:
		return no("InvalidIdToken", "the token has a card number in it")
	}
	bay, err := o.bay(evse)
	if err != nil {
		return err
	}
	t, err := tariff.Parse(freeTariff(o.s.c.Currency))
	if err != nil {
		return err
	}
	offer := session.Offer{Tariff: t.JSON(), Hash: store.Sum(t.JSON()), Hold: kiosk.Money{Currency: o.s.c.Currency},
		Language: o.s.c.Languages[0], Timezone: o.s.c.Timezone.String(), Limit: &session.Limit{Energy: remoteEnergy}}
	kept := o.kept(ctx, bay)
	if _, err := o.s.control.Grant(ctx, bay, offer, events.Grant(remote, token)); err != nil {
		if kept { // until the time is over: the driver may pay once more
			err = errors.Join(err, o.shut(ctx, bay, true))
		}
		return no("TxStarted", err.Error())
	}
	return nil
}

// remoteEnergy is how much an operator lets flow at once: a battery of the largest cars.
const remoteEnergy kiosk.Energy = 150_000

// Stop implements csms.Site.
func (o *operator) Stop(ctx context.Context, transaction string) error {
	x, ok := o.s.control.Snapshot().State.Sessions[transaction]
	if !ok || x.Record == session.RecordClosed {
		return &csms.Refusal{Status: v2.Rejected, Code: "TxNotFound", Text: "the transaction does not run"}
	}
	_, err := o.s.owner().Stop(ctx, x.Reference, o.do.by)
	return err
}

// Runs implements csms.Site.
func (o *operator) Runs(transaction string) bool {
	x, ok := o.s.control.Snapshot().State.Sessions[transaction]
	return ok && x.Power != session.Off && x.Record != session.RecordClosed
}

// Operate implements csms.Site. What a person at the site closed, a person opens there.
func (o *operator) Operate(ctx context.Context, evse int, on bool) (later bool, err error) {
	bays := o.bays
	if evse != 0 {
		bay, err := o.bay(evse)
		if err != nil {
			return false, err
		}
		bays = []int{bay}
	}
	for _, bay := range bays {
		snap := o.s.control.Snapshot()
		shut := snap.State.Faults[session.FaultAt{Code: kiosk.FaultBayShut, Bay: bay}]
		_, taken := snap.State.AtBay(bay)
		later = later || taken && !on
		if shut == !on {
			continue
		}
		if on {
			if no := o.do.mayOpen(ctx, bay, events.ByOperator); no != nil {
				err = errors.Join(err, &csms.Refusal{Status: v2.Rejected, Code: "NotEnabled", Text: no.Error()})
				continue
			}
		}
		err = errors.Join(err, o.s.control.Do(ctx, session.Observation{What: session.ShutAsked, Bay: bay, Raised: !on,
			By: o.do.by}))
	}
	return later, err
}

// byWebPayment is how the journal names who keeps a bay while a driver pays at a web page.
const byWebPayment = events.ByOperator + "web payment"

// longestKept is how long a bay is kept at most: a web page that lets no driver pay must not close the site.
const longestKept = 10 * time.Minute

// Keep implements csms.Site (C25): the bay is closed to drivers at the kiosk until the payment begins a transaction, or
// the time is over.
func (o *operator) Keep(ctx context.Context, evse int, d time.Duration) error {
	bay, err := o.bay(evse)
	if err != nil {
		return err
	}
	state := o.s.control.Snapshot().State
	shut := state.Faults[session.FaultAt{Code: kiosk.FaultBayShut, Bay: bay}]
	x, taken := state.AtBay(bay)
	if taken && x.Money == session.MoneyNone { // the driver who read the code at the kiosk pays there
		taken = o.s.control.Do(ctx, session.Observation{What: session.Cancelled, Session: x.ID}) != nil
	}
	if taken || shut && o.do.mayOpen(ctx, bay, byWebPayment) != nil {
		return fmt.Errorf("bay %d is taken, or closed", bay)
	}
	if err := o.shut(ctx, bay, true); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if before := o.keeps[bay]; before != nil {
		before.Stop()
	}
	o.keeps[bay] = time.AfterFunc(min(max(d, time.Second), longestKept), func() {
		o.kept(context.WithoutCancel(ctx), bay)
	})
	return nil
}

// shut closes a bay for a web payment, or opens it.
func (o *operator) shut(ctx context.Context, bay int, on bool) error {
	return o.s.control.Do(ctx, session.Observation{What: session.ShutAsked, Bay: bay, Raised: on, By: byWebPayment})
}

// kept ends that a bay is kept, and tells whether it was: what another one closed stays closed.
func (o *operator) kept(ctx context.Context, bay int) bool {
	if o.do.mayOpen(ctx, bay, byWebPayment) != nil {
		return false
	}
	if err := o.shut(ctx, bay, false); err != nil {
		o.s.log.Warn("bay is still kept for a web payment", "bay", bay, "error", err)
	}
	return true
}

// resetAfter lets the answer go out.
const resetAfter = 2 * time.Second

// Reset implements csms.Site: the daemon ends in order, and its service manager starts it again.
func (o *operator) Reset(_ context.Context, onIdle bool) (later bool, err error) {
	busy := func() bool { return len(o.s.control.Snapshot().State.Underway()) > 0 }
	later = onIdle && busy()
	o.s.log.Info("the operator wants the kiosk to begin anew", "when_idle", onIdle)
	if !o.resetting.CompareAndSwap(false, true) {
		if !onIdle {
			o.s.quit()
		}
		return later, nil
	}
	go func() {
		for wait := resetAfter; ; wait = time.Second {
			select {
			case <-o.s.off.Done():
				return
			case <-time.After(wait):
			}
			if !onIdle || !busy() {
				o.s.quit()
				return
			}
		}
	}()
	return later, nil
}

// Tariff implements csms.Site.
func (o *operator) Tariff() v2.Assignment {
	now, sum := o.s.prices.Prices(o.s.clock.Now())
	all := make([]int, len(o.bays))
	for i := range all {
		all[i] = i + 1
	}
	return v2.Assignment{Tariff: o.book.tariffID(now.ID, sum), Kind: "DefaultTariff", EVSEs: all}
}

// SetTariff implements csms.Site: it is an instruction in the journal, as one of a back office is.
func (o *operator) SetTariff(ctx context.Context, evse int, t v2.Tariff) error {
	if evse != 0 && len(o.bays) > 1 {
		return &csms.Refusal{Status: v2.Rejected, Code: "UnsupportedParam",
			Text: "one price holds for the whole site: want evseId 0"}
	}
	ocpi, from, err := csms.OCPI(t, o.s.c.Currency, map[string]string{"country_code": "DE", "party_id": "CSM"})
	if err != nil {
		return err
	}
	parsed, err := tariff.Parse(ocpi)
	if err != nil {
		return &csms.Refusal{Status: v2.Rejected, Code: "InvalidValue", Text: err.Error()}
	}
	if kiosk.MaskNumbers(t.ID) != t.ID {
		return &csms.Refusal{Status: v2.Rejected, Code: "InvalidValue", Text: "tariffId: it has a card number in it"}
	}
	sum := store.Sum(parsed.JSON())
	if o.book.tariffNamed(t.ID, sum) {
		return &csms.Refusal{Status: "DuplicateTariffId", Code: "DuplicateTariffId",
			Text: "this tariffId is that of another tariff already"}
	}
	if err := o.sellBy(ocpi, from); err != nil {
		return err
	}
	return o.book.keepTariff(context.WithoutCancel(ctx), t.ID, sum)
}

// ClearTariff implements csms.Site: the configuration's is sold by again.
func (o *operator) ClearTariff(context.Context) error {
	return o.sellBy(o.s.c.Tariff.JSON(), time.Time{})
}

// sellBy lets the site sell by a tariff. It is carried out whether or not the operator stays connected: what holds is
// in the journal. What cannot hold is refused before that has it.
func (o *operator) sellBy(ocpi []byte, from time.Time) error {
	ctx := context.Background()
	if !o.s.clock.Trusted() {
		return &csms.Refusal{Status: v2.Rejected, Code: "InternalError", Text: "the kiosk's clock is not right yet"}
	}
	now := o.s.clock.Now()
	id, _ := newID()
	in := kiosk.Instruction{ID: id, Kiosk: o.s.c.KioskID, Issued: now, Expires: now.Add(time.Hour),
		Do: kiosk.TaskTariff, Tariff: ocpi}
	if !from.IsZero() {
		in.From = &from
	}
	if err := o.s.prices.mayOrder(in, now); err != nil {
		return &csms.Refusal{Status: v2.Rejected, Code: "InvalidValue", Text: err.Error()}
	}
	if err := o.s.control.Do(ctx, session.Observation{What: session.InstructionGiven, By: o.do.by,
		Instruction: &in}); err != nil {
		return err
	}
	done, err := o.do.carryOut(ctx, in)
	err = errors.Join(err, o.do.end(ctx, in, done, err))
	if err != nil {
		return &csms.Refusal{Status: v2.Rejected, Code: "InvalidValue", Text: err.Error()}
	}
	return nil
}

// Log implements csms.Site.
func (o *operator) Log(ctx context.Context) ([]byte, error) { return o.s.report(ctx) }

// MayUpload implements csms.Site: a log goes to the operator's own host, and to those that the host allows.
func (o *operator) MayUpload(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Hostname() != o.s.c.CSMS.URL.Hostname() && !slices.Contains(o.s.c.CSMS.LogHosts, u.Hostname()) {
		return fmt.Errorf("%s is not one of csms.log_hosts", u.Hostname())
	}
	return nil
}

// authorize asks the operator about each payment, where it wants that: one that it refuses ends its session. Where it
// cannot be asked the kiosk has decided (C18).
func (o *operator) authorize(ctx context.Context) {
	changed, cancel := o.s.control.Watch()
	defer cancel()
	known := map[string]bool{}
	for ctx.Err() == nil {
		state := o.s.control.Snapshot().State
		for id, x := range state.Sessions {
			begun := x.Power != session.Waiting && x.Power != session.Starting && x.Power != session.Closing
			if known[id] || begun || x.Money != session.Held || x.Hold == nil || !o.asks() {
				continue
			}
			known[id] = true
			go o.judged(ctx, id, x)
		}
		for id := range known {
			if _, ok := state.Sessions[id]; !ok {
				delete(known, id)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// judged ends a session that the operator does not accept.
func (o *operator) judged(ctx context.Context, id string, x session.Session) {
	err := o.station.Authorize(ctx, events.Token(*x.Hold, x.Offer.Timezone))
	switch {
	case err == nil:
	case errors.Is(err, csms.ErrAway):
		o.s.log.Info("operator was not asked about a payment", "session", x.Reference, "error", err)
	default:
		o.s.log.Warn("operator refuses a payment", "session", x.Reference, "error", err)
		if err := o.Stop(ctx, id); err != nil {
			o.s.log.Warn("session was not ended", "session", x.Reference, "error", err)
		}
	}
}

var _ csms.Site = (*operator)(nil)

// errNoOperator is for what needs one.
var errNoOperator = errors.New("no operator is configured: csms")

// TellAgain implements api.Site.
func (s served) TellAgain(ctx context.Context) (api.Done, error) {
	if s.operator == nil {
		return api.Done{}, errNoOperator
	}
	return api.Done{Done: true}, s.operator.book.journal.TellAgain(ctx)
}

// findings are what the doctor says of the operator; none without one.
func (o *operator) findings(ctx context.Context) []api.Finding {
	if o == nil {
		return nil
	}
	st := o.station.Status()
	f := api.Finding{Device: "operator", Identity: o.s.c.CSMS.URL.Redacted(), OK: st.Accepted, What: "connected"}
	switch {
	case !st.Connected:
		f.What = "not connected: " + cmp.Or(st.Why, "not tried yet")
	case !st.Accepted:
		f.What = "connected, and not accepted: " + st.Why
	}
	out := []api.Finding{f}
	n, first, err := o.book.unheardOf(ctx)
	switch {
	case err != nil:
		out = append(out, api.Finding{Device: "operator", What: err.Error()})
	case n > 0:
		out = append(out, api.Finding{Device: "operator", What: fmt.Sprintf("messages that were not taken: %d, the "+
			"first is %s of record %d: %s; kioskd csms again sends them once more", n, first.Action, first.Seq,
			first.Why)})
	}
	return out
}
