package ocpp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// Connector is a connector of a charger. It implements kiosk.Charger, kiosk.Meter and kiosk.Inputs.
type Connector struct {
	charger *Charger
	set     ConnectorSettings
	news    chan struct{} // has one when something changed: the one who waits looks again

	// What follows is under the charger's lock.
	state    v16.Status                 // empty until the charger said it on this connection
	box      v16.StatusNotification     // of the whole charger
	before   v16.Status                 // on the connection before
	told     v16.StatusNotification     // of the connector, with what is wrong
	grant    *kiosk.Grant               // whose transaction is asked for
	running  *transaction               // nil while none runs
	over     *transaction               // the last one that ended
	known    []*transaction             // those that may come again
	parted   bool                       // the charger said that the cable was pulled, and nothing since
	stopped  bool                       // the charger said that its emergency stop is pressed, and nothing since
	stopping bool                       // a transaction is being ended
	startID  int                        // remoteStartId of the last start that was asked for (2.x)
	plugs    map[int]v2.ConnectorStatus // of an EVSE with several connectors (2.x)
}

// transaction is a transaction with its register.
type transaction struct {
	kiosk.Transaction
	count   *counter
	reading kiosk.Reading // the last; At is a time of this process
	fault   error         // of the last values; nil where they are good
	odd     error         // of the last value alone: one that is odd says nothing yet
	refused bool
	ended   bool
	pending bool          // the journal is asked
	last    kiosk.Reading // of the end
	overAt  time.Time     // when it was over
	stamp   time.Time     // the charger's clock, when it last told the time
	stampAt time.Time
	lead    time.Duration // that the charger's transaction is older than its token (2.x)
}

// mostKnown is how many transactions of a connector are kept: a charger sends again what was not answered.
const mostKnown = 50

// Times.
const (
	valuesLate   = 5 * time.Second // beyond three samples
	startWithin  = 45 * time.Second
	endWithin    = 90 * time.Second
	stopEvery    = 15 * time.Second // RemoteStop is sent again
	unlockAfter  = 30 * time.Second
	resetAfter   = time.Minute
	endKept      = 2 * time.Minute  // that the last register of a transaction is told
	lastRegister = 10 * time.Second // that StopTransaction may come after the connector says that it is over
)

// remember takes a transaction of before this process.
func (n *Connector) remember(p Past) {
	t := &transaction{Transaction: p.Transaction, ended: p.Ended,
		count: newCounter(n.set.Register, kiosk.Energy(p.Transaction.MeterStart), time.Now())}
	since := max(0, n.charger.server.o.Now().Sub(p.At)) // the clock may have been set since
	t.count.from(time.Now().Add(-since))                // what it may have counted
	t.reading = n.reading(t.count.start, 0)
	t.reading.At = time.Time{} // nothing was heard of it yet
	n.keep(t)
	if name := p.Transaction.Station; name != "" {
		n.charger.stations[name] = &stationed{number: t.ID, evse: n.set.Number, seq: -1, over: p.Ended,
			start: &t.count.start, begun: v16.Time{Text: p.Transaction.Timestamp}}
	}
	if !p.Ended {
		n.running = t
	}
}

func (n *Connector) keep(t *transaction) {
	n.known = append(n.known, t)
	for i := 0; len(n.known) > mostKnown && i < len(n.known); {
		if old := n.known[i]; old == n.running || !old.ended && !old.refused {
			i++
			continue
		}
		n.known = slices.Delete(n.known, i, i+1)
	}
}

// name is the serial number of its meter: that of one connector for ever.
func (n *Connector) name() string { return fmt.Sprintf("%s/%d", n.charger.set.ID, n.set.Number) }

func (n *Connector) reading(register kiosk.Energy, power kiosk.Power) kiosk.Reading {
	return kiosk.Reading{At: time.Now(), Import: register, Power: power, Serial: n.name(), Named: true}
}

// wake tells the one who waits that something changed.
func (n *Connector) wake() {
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// connected is the begin of a connection: what the charger said on the one before may be over.
func (n *Connector) connected() {
	if n.state != "" {
		n.before = n.state
	}
	n.state, n.box, n.told, n.plugs = "", v16.StatusNotification{}, v16.StatusNotification{}, nil
	n.wake()
}

// asBefore takes the connector's state to be that of before, where the charger does not tell it again.
func (n *Connector) asBefore() {
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	if n.state == "" {
		n.state = n.before
		n.wake()
	}
}

// said takes the connector's state.
func (n *Connector) said(m v16.StatusNotification) {
	n.state, n.told = m.Status, m
	n.parted, n.stopped = false, emergency(m)
	n.wake()
}

// ready tells why nothing is known of the connector.
func (n *Connector) ready() error {
	switch {
	case n.charger.conn == nil:
		return errAway
	case n.state == "":
		return errors.New("the charger has not said yet what its connector does")
	}
	return nil
}

// Inputs implements kiosk.Inputs.
func (n *Connector) Inputs(context.Context) (in kiosk.BayInputs, err error) {
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	if err := n.ready(); err != nil {
		return in, err
	}
	switch n.state {
	case v16.Preparing, v16.Charging, v16.SuspendedEV, v16.SuspendedEVSE, v16.Finishing:
		in.Plugged = !n.parted
	}
	in.Requesting = n.state != v16.SuspendedEV && n.state != v16.Finishing
	in.Closed = n.running != nil && !n.running.refused
	in.Emergency = n.stopped
	switch {
	case n.state == v16.Faulted:
		in.Failed = trouble(n.told)
	case n.box.Status == v16.Faulted:
		in.Failed = "the whole charger: " + trouble(n.box)
	}
	if in.Closed {
		in.For = n.running.IDTag
	}
	in.Unfused = n.charger.fuses.unbounded()
	return in, nil
}

// Read implements kiosk.Meter: the last value of the transaction that runs, or the last of the one that ended.
func (n *Connector) Read(context.Context) (kiosk.Reading, error) {
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	t := n.running
	switch {
	case t == nil && n.over != nil && time.Since(n.over.overAt) < endKept:
		if n.over.fault != nil { // it is in the journal with its transaction, and is no fault of what comes
			return kiosk.Reading{}, errors.New(n.over.fault.Error())
		}
		return n.over.last, nil
	case t == nil:
		return kiosk.Reading{}, kiosk.ErrIdle
	case t.fault != nil:
		return kiosk.Reading{}, t.fault
	case t.reading.At.IsZero():
		return kiosk.Reading{}, errors.New("the charger has not told the register of its transaction yet")
	}
	r := t.reading
	r.Age = time.Since(r.At)
	if r.Age > 3*n.charger.server.o.Sample+valuesLate {
		return kiosk.Reading{}, fmt.Errorf("the charger told no register for %v", r.Age.Round(time.Second))
	}
	return r, nil
}

// Within implements kiosk.Charger.
func (n *Connector) Within() time.Duration { return endWithin }

// Close implements kiosk.Contactor. Energy flows for a session only.
func (n *Connector) Close(context.Context) error {
	return errors.New("cannot start a charger without a session")
}

// Start implements kiosk.Charger: it asks for a transaction, and waits until it is in the journal.
func (n *Connector) Start(ctx context.Context, g kiosk.Grant) error {
	n.charger.mu.Lock()
	if err := n.ready(); err != nil {
		n.charger.mu.Unlock()
		return err
	}
	if n.running != nil {
		n.charger.mu.Unlock()
		return fmt.Errorf("transaction %d runs", n.running.ID)
	}
	own := &g
	n.grant, n.over = own, nil
	n.charger.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, startWithin)
	defer stop()
	err := n.ask(ctx, g)
	if err == nil {
		err = n.await(ctx, func() bool { return n.grant != own })
	}
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	if n.running != nil && n.running.IDTag == g.Reference { // it began before it answered, or instead
		return nil
	}
	if n.grant == own {
		n.grant = nil
	}
	if err == nil {
		err = errors.New("the charger did not begin")
	}
	return err
}

// ask sends RemoteStartTransaction, with its fuse where the charger is known to take one: it is then bounded from its
// first moment on.
func (n *Connector) ask(ctx context.Context, g kiosk.Grant) error {
	m := v16.RemoteStart{Connector: n.set.Number, IDTag: g.Reference}
	if err := m.Check(); err != nil {
		return err
	}
	n.charger.mu.Lock()
	if f := n.charger.fuses; f.taken && g.Fuse > 0 {
		form := f.forms[0]
		form.relative = true // it has not begun
		p := form.profile(n.set.Number, n.set.Register.MaxPower, g.Fuse, v16.Time{})
		m.Profile = &p
	}
	n.charger.mu.Unlock()
	err := n.charger.asked(ctx, v16.ActionRemoteStartTransaction, m)
	if err != nil && m.Profile != nil && refused(err) { // perhaps it takes none before it has begun
		m.Profile = nil
		err = n.charger.asked(ctx, v16.ActionRemoteStartTransaction, m)
	}
	return err
}

// await waits until something is true, which is asked under the lock.
func (n *Connector) await(ctx context.Context, done func() bool) error {
	for {
		n.charger.mu.Lock()
		ok := done()
		n.charger.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-n.news:
		case <-time.After(time.Second): // another one who waits may have taken the news
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Open implements kiosk.Contactor: no transaction may run. It returns nil where none does, and begins to end one that
// does: the caller asks again.
func (n *Connector) Open() error {
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	n.grant = nil
	t := n.running
	if t == nil {
		return nil
	}
	n.drop(t)
	if n.charger.conn == nil {
		return &Lost{errAway}
	}
	return fmt.Errorf("transaction %d has not ended yet", t.ID)
}

// Lost is the error of a charger that cannot be reached: what it does is not known.
type Lost struct{ Why error }

func (l *Lost) Error() string { return l.Why.Error() }

// Unwrap is why.
func (l *Lost) Unwrap() error { return l.Why }

// FaultCode is that of a charger that cannot be reached.
func (l *Lost) FaultCode() kiosk.FaultCode { return kiosk.FaultChargerLost }

// end ends a transaction, and escalates until it has ended: RemoteStop, again and again, then UnlockConnector, then a
// soft reset, which ends all of the charger's.
func (n *Connector) end(t *transaction) {
	defer func() {
		n.charger.mu.Lock()
		n.stopping = false
		n.charger.mu.Unlock()
	}()
	ctx := context.Background() // also while the charger is away
	var began time.Time         // that the charger was told
	unlocked, reset, rejected := false, false, false
	for {
		err := n.charger.asked(ctx, v16.ActionRemoteStopTransaction, v16.RemoteStop{Transaction: t.ID})
		rejected = err != nil && refused(err) && !(n.charger.isV2() && n.charger.ongoing(ctx, t.ID))
		if began.IsZero() && (err == nil || rejected) {
			began = time.Now()
		}
		if err != nil && !errors.Is(err, errAway) {
			n.charger.log.Warn("transaction was not ended", "transaction", t.ID, "error", err)
		}
		waited, stop := context.WithTimeout(ctx, stopEvery)
		err = n.await(waited, func() bool { return n.running != t || n.finished(rejected) })
		stop()
		if err == nil {
			n.settle(ctx, t, rejected)
			return
		}
		switch since := time.Since(began); {
		case began.IsZero():
		case since > resetAfter && !reset && n.drawsNow():
			err = n.charger.asked(ctx, v16.ActionReset, v16.Reset{Type: "Soft"})
			reset = err == nil || refused(err)
			n.charger.log.Warn("charger is told to begin anew: it does not end a transaction", "transaction", t.ID,
				"error", err)
		case since > unlockAfter && !unlocked:
			err = n.charger.asked(ctx, v16.ActionUnlockConnector, v16.UnlockConnector{Connector: n.set.Number},
				v16.ResultUnlocked)
			unlocked = err == nil || refused(err)
			n.charger.log.Warn("connector is unlocked: it does not end a transaction", "transaction", t.ID, "error",
				err)
		}
	}
}

// drawsNow is draws for a caller without the lock: a reset ends the transactions of the other connectors, too.
func (n *Connector) drawsNow() bool {
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	return n.draws()
}

// draws tells whether the connector says that a transaction runs.
func (n *Connector) draws() bool {
	return n.state == v16.Charging || n.state == v16.SuspendedEV || n.state == v16.SuspendedEVSE ||
		n.charger.v2 && n.state == v16.Preparing && n.running != nil // Occupied says no more
}

// finished tells whether the connector says that no transaction runs, although its end was not told. One that has
// forgotten its transaction rejects its stop, and is Preparing for the next one.
func (n *Connector) finished(rejected bool) bool {
	switch n.state {
	case v16.Available, v16.Finishing, v16.Unavailable:
		return n.charger.conn != nil
	case v16.Preparing:
		return n.charger.conn != nil && rejected
	}
	return false
}

// settle gives a connector up whose transaction is over by its state alone: the end may still be told, and is written
// down then.
func (n *Connector) settle(ctx context.Context, t *transaction, rejected bool) {
	waited, stop := context.WithTimeout(ctx, lastRegister)
	defer stop()
	if n.await(waited, func() bool { return n.running != t }) == nil {
		return
	}
	n.charger.mu.Lock()
	defer n.charger.mu.Unlock()
	if n.running == t && n.finished(rejected) {
		n.running, n.over = nil, t
		t.last, t.overAt = t.reading, time.Now()
		n.wake()
	}
}

// beginning is what a charger of 2.x says of a begin beyond StartTransaction of 1.6.
type beginning struct {
	station string    // its own name of the transaction
	stamp   time.Time // the charger's clock when the token came; zero where that is the begin
	wrong   error     // why it may not run, whatever token it has
}

// isV2 tells whether the charger speaks OCPP 2.x.
func (c *Charger) isV2() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.v2
}

// started takes StartTransaction. It is accepted only for the session that was granted here, once the journal has it.
func (c *Charger) started(ctx context.Context, m v16.StartTransaction, more beginning) (v16.StartResult, error) {
	c.mu.Lock()
	n, ok := c.connectors[m.Connector]
	if !ok {
		c.mu.Unlock()
		c.log.Warn("transaction was refused: the connector is no bay", "connector", m.Connector)
		return v16.StartResult{IDTagInfo: v16.IDTagInfo{Status: v16.AuthInvalid}}, nil
	}
	t := kiosk.Transaction{Charger: c.set.ID, Connector: m.Connector, IDTag: m.IDTag, MeterStart: m.MeterStart,
		Timestamp: m.Timestamp.Text, Station: more.station}
	if old := n.again(t); old != nil { // it did not get the answer
		result, pending := old.result(n), old.pending
		c.mu.Unlock()
		if pending {
			return v16.StartResult{}, ocppj.Errorf(ocppj.InternalError, "it is being written down")
		}
		return result, nil
	}
	t.ID = c.server.next()
	granted := n.grant != nil && n.grant.Reference == m.IDTag && more.wrong == nil
	run := &transaction{Transaction: t, count: newCounter(n.set.Register, kiosk.Energy(m.MeterStart), time.Now()),
		pending: true, stamp: m.Timestamp.Time, stampAt: time.Now()}
	if !more.stamp.IsZero() {
		run.stamp, run.lead = more.stamp, max(0, more.stamp.Sub(m.Timestamp.Time))
	}
	run.reading = n.reading(run.count.start, 0)
	n.keep(run)
	c.mu.Unlock()
	err := more.wrong
	if err == nil {
		err = errors.New("no session was granted here with this idTag")
	}
	ctx = context.WithoutCancel(ctx) // what is written down is so whether or not the charger is there for the answer
	if granted {
		err = c.server.o.Desk.Started(ctx, n.set.Bay, t, run.reading)
	}
	if err != nil {
		c.log.Warn("transaction was refused", "connector", m.Connector, "id_tag", m.IDTag, "error", err)
		if err := c.server.o.Desk.Refused(ctx, n.set.Bay, t, err); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			n.known = slices.DeleteFunc(n.known, func(x *transaction) bool { return x == run })
			return v16.StartResult{}, ocppj.Errorf(ocppj.InternalError, "the kiosk could not write it down")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	run.pending, run.refused = false, err != nil
	n.begin(run)
	return run.result(n), nil
}

// again finds a transaction that a charger tells once more. An idTag is of one session: also where the charger's clock
// was set meanwhile it is the same.
func (n *Connector) again(t kiosk.Transaction) *transaction {
	for _, old := range n.known {
		another := old.Station != "" && t.Station != "" && old.Station != t.Station
		if old.Same(t) || !another && !old.refused && old.IDTag == t.IDTag && old.MeterStart == t.MeterStart {
			return old
		}
	}
	return nil
}

// begin is a transaction that the journal has. One that may not run is ended; where another one runs, which may, it is
// ended beside that.
func (n *Connector) begin(run *transaction) {
	c := n.charger
	if c.learned.device == c.device() {
		run.count.want = c.learned.kind
	}
	defer n.wake()
	switch {
	case run.refused && n.running != nil && !n.running.refused:
		go c.stopBeside(run.ID)
		return
	case run.refused:
		n.running = run
		n.drop(run)
		return
	}
	wanted := n.grant != nil && n.grant.Reference == run.IDTag
	n.running, n.grant = run, nil
	if !wanted { // it was taken back while the journal was asked
		n.drop(run)
	}
}

// stopBeside ends a transaction that is none of the kiosk's, once; values of it that come later end it again.
func (c *Charger) stopBeside(id int) {
	err := c.asked(context.Background(), v16.ActionRemoteStopTransaction, v16.RemoteStop{Transaction: id})
	c.log.Warn("transaction that may not run is ended", "transaction", id, "error", err)
}

// drop begins to end a transaction, where none is being ended. The caller holds the lock.
func (n *Connector) drop(t *transaction) {
	if !n.stopping {
		n.stopping = true
		go n.end(t)
	}
}

// result is what the charger is told of its start: only what runs here may run.
func (t *transaction) result(n *Connector) v16.StartResult {
	out := v16.StartResult{IDTagInfo: v16.IDTagInfo{Status: v16.AuthAccepted}, Transaction: t.ID}
	if t.refused || t.ended || n.running != t {
		out.IDTagInfo.Status = v16.AuthInvalid
	}
	return out
}

// measured takes MeterValues of the transaction that runs. Others are of no session.
func (c *Charger) measured(m v16.MeterValues) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.connectors[m.Connector]
	if !ok {
		return nil
	}
	t := n.running
	if m.Transaction != nil && *m.Transaction > 0 && (t == nil || *m.Transaction != t.ID) {
		c.log.Warn("values are of another transaction than the one that runs", "transaction", *m.Transaction)
		if !n.isOver(*m.Transaction) { // values may come late
			go c.stopBeside(*m.Transaction)
		}
		return nil
	}
	if t == nil || t.refused {
		return nil
	}
	if n.state == "" { // a charger need not tell its state again
		n.state = v16.Charging
	}
	for _, v := range moments(m.Values) {
		n.value(t, v)
		if !v.Timestamp.IsZero() {
			t.stamp, t.stampAt = v.Timestamp.Time, time.Now()
		}
	}
	n.wake()
	return nil
}

// isOver tells whether a transaction has ended.
func (n *Connector) isOver(id int) bool {
	return slices.ContainsFunc(n.known, func(t *transaction) bool { return t.ID == id && t.ended })
}

// moments puts the samples of one time together: some chargers send each measurand by itself.
func moments(all []v16.MeterValue) (out []v16.MeterValue) {
	for _, v := range all {
		last := len(out) - 1
		if last >= 0 && out[last].Timestamp.Text == v.Timestamp.Text {
			out[last].Samples = append(slices.Clone(out[last].Samples), v.Samples...)
			continue
		}
		out = append(out, v)
	}
	return out
}

// value takes one moment's samples. A value that cannot be is dropped; the next one tells whether it is a fault.
func (n *Connector) value(t *transaction, v v16.MeterValue) {
	register, err := v.Register()
	if errors.Is(err, v16.ErrNoValue) {
		return
	}
	now := time.Now()
	if err == nil {
		before, beforeAt := t.count.last, t.reading.At
		register, err = t.count.take(register, now)
		if err == nil {
			power := kiosk.Power(0)
			if !beforeAt.IsZero() {
				power = averagePower(register-before, now.Sub(beforeAt))
			}
			r := n.reading(register, power)
			told, none := v.Power()
			if none == nil {
				r.Power = told
			}
			r.Voltage, r.Current = v.Phases()
			t.reading = r
		}
	}
	t.fault = nil
	if err != nil && t.odd != nil {
		t.fault = err
	}
	t.odd = err
	if err != nil {
		n.charger.log.Warn("value was not taken", "connector", n.set.Number, "error", err)
	}
}

// averagePower is what a register's rise over a time says where the charger tells no power.
func averagePower(rise kiosk.Energy, span time.Duration) kiosk.Power {
	if span < time.Second {
		return 0
	}
	return kiosk.Power(int64(rise) * 3_600_000 / span.Milliseconds())
}

// stopped takes StopTransaction: the journal has it before it is answered.
func (c *Charger) stopped(ctx context.Context, m v16.StopTransaction) (v16.StopResult, error) {
	c.mu.Lock()
	var n *Connector
	var t *transaction
	for _, one := range c.connectors {
		for _, old := range one.known {
			if old.ID == m.Transaction {
				n, t = one, old
			}
		}
	}
	ctx = context.WithoutCancel(ctx)
	if t == nil {
		c.mu.Unlock()
		return v16.StopResult{}, c.endedUnknown(ctx, m)
	}
	if t.ended { // told again
		c.mu.Unlock()
		return v16.StopResult{}, nil
	}
	e := Ended{Bay: n.set.Bay, Transaction: t.Transaction, MeterStop: m.MeterStop, Reason: string(m.Reason),
		Timestamp: m.Timestamp.Text}
	register, err := t.count.end(kiosk.Energy(m.MeterStop), time.Now())
	last := n.reading(register, 0)
	if err == nil {
		e.Reading = &last
	}
	e.Why, e.Device, e.Register = err, c.device(), string(t.count.kind())
	if err == nil && register < t.count.last-behind {
		e.Why = fmt.Errorf("the last register, %v, is less than the last value, %v: the lower one counts", register,
			t.count.last)
	}
	c.learn(e.Device, t.count.kind())
	c.mu.Unlock()
	for _, v := range m.Data {
		for _, s := range v.Signed() {
			e.Signed = append(e.Signed, Signed{s.Context, string(s.Value), s.Proof})
		}
	}
	if err := c.server.o.Desk.Ended(ctx, e); err != nil {
		return v16.StopResult{}, ocppj.Errorf(ocppj.InternalError, "the kiosk could not write it down")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	current := n.running == t || n.running == nil && n.grant == nil && n.over == t
	t.ended, t.last, t.fault, t.overAt = true, last, err, time.Now()
	if !current { // it was given up before: what runs now is another one
		return v16.StopResult{}, nil
	}
	n.running, n.over = nil, t
	n.parted = m.Reason == v16.StopDisconnected
	n.stopped = m.Reason == v16.StopEmergency
	if m.Reason == v16.StopDisconnected || n.draws() {
		n.state = v16.Finishing
	}
	n.wake()
	return v16.StopResult{}, nil
}

// endedUnknown writes down the end of a transaction that the kiosk does not know, and guesses no bay. It is answered: a
// charger sends for ever what is not.
func (c *Charger) endedUnknown(ctx context.Context, m v16.StopTransaction) error {
	c.log.Warn("the end of a transaction that is not known was told", "transaction", m.Transaction)
	err := c.server.o.Desk.Ended(ctx, Ended{MeterStop: m.MeterStop, Reason: string(m.Reason),
		Timestamp:   m.Timestamp.Text,
		Transaction: kiosk.Transaction{ID: m.Transaction, Charger: c.set.ID, IDTag: m.IDTag},
		Why:         errors.New("the kiosk knows no such transaction")})
	if err != nil {
		return ocppj.Errorf(ocppj.InternalError, "the kiosk could not write it down")
	}
	return nil
}
