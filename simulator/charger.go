package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"kioskd"
	"kioskd/ocpp/ocppj"
	"kioskd/ocpp/v16"
)

// Charger is a charger that speaks OCPP 1.6-J: it connects to a central system, and connects again. Each of its
// connectors is a bay of the world. What it knows of transactions survives a cut line and a reset; all that it says of
// them is sent again until it is answered, in order (chapter 3.7).
type Charger struct {
	ID       string
	URL      string // of the central system; the identity is added
	Password string
	Version  string // of OCPP: 1.6, also where it is empty, or 2.0.1
	Bays     []*Bay // connector n is the bay n-1
	Log      *slog.Logger
	// Dial makes connections; nil for the usual.
	Dial *http.Client

	sending    sync.Mutex // one message after the other
	mu         sync.Mutex // of what follows
	faults     []ChargerFault
	settings   map[string]string
	connectors []*connector
	queue      []*message // of transactions, in order
	born       time.Time
	conn       *ocppj.Conn
	kept       chan struct{} // has one when the queue is no longer empty
	cutUntil   time.Time
	numbers    int            // of transactions, where they are the charger's own
	seqs       map[string]int // of events, by transaction
}

// connector is one of a charger's. All of it is under the charger's lock.
type connector struct {
	bay         *Bay
	number      int
	told        v16.StatusNotification
	granted     string // the idTag that may begin once a vehicle is there
	grantedAt   time.Time
	fuse        *v16.ChargingProfile // that came with the start
	tx          *chargerTransaction
	inoperative bool
	remote      *int // remoteStartId of its transaction
	finished    bool // the vehicle that is connected has charged
	faulted     bool
}

// chargerTransaction is a transaction as the charger knows it.
type chargerTransaction struct {
	id         int // 0 until it was answered
	idTag      string
	start      kiosk.Energy
	begun      time.Time
	accepted   bool
	refused    bool
	fuse       *v16.ChargingProfile
	sampled    time.Time
	stopWaits  bool // it was told to stop, and does not
	stopReason v16.StopReason
}

// message is one that waits for its answer. make is asked when it is sent: the number of its transaction may not be
// known before.
type message struct {
	action string
	make   func() any
	done   func(json.RawMessage)
	of     *connector
	twice  bool
}

// chargerSettings are those that the charger knows, and whether they may be changed.
func chargerSettings() map[string]string {
	return map[string]string{"AuthorizeRemoteTxRequests": "true", "LocalAuthorizeOffline": "true",
		"LocalPreAuthorize": "false", "AllowOfflineTxForUnknownId": "false", "AuthorizationCacheEnabled": "true",
		"StopTransactionOnInvalidId": "true", "StopTransactionOnEVSideDisconnect": "true",
		"UnlockConnectorOnEVSideDisconnect": "true", "ConnectionTimeOut": "120", "MeterValueSampleInterval": "60",
		"MeterValuesSampledData": v16.EnergyRegister, "StopTxnSampledData": "", "ClockAlignedDataInterval": "0",
		"HeartbeatInterval": "300", "WebSocketPingInterval": "0", "TransactionMessageAttempts": "3",
		"TransactionMessageRetryInterval": "60", "LocalAuthListEnabled": "false", "NumberOfConnectors": "",
		"SupportedFeatureProfiles":                "Core,RemoteTrigger,SmartCharging",
		"ChargingScheduleAllowedChargingRateUnit": "Current,Power"}
}

func settingIsFixed(key string) bool {
	return slices.Contains([]string{"NumberOfConnectors", "SupportedFeatureProfiles",
		"ChargingScheduleAllowedChargingRateUnit"}, key)
}

// begin makes what the charger keeps.
func (c *Charger) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings, c.kept, c.born = chargerSettings(), make(chan struct{}, 1), time.Now()
	c.seqs = map[string]int{}
	c.settings["NumberOfConnectors"] = strconv.Itoa(len(c.Bays))
	for i, b := range c.Bays {
		c.connectors = append(c.connectors, &connector{bay: b, number: i + 1})
	}
}

// Times of a charger.
const (
	chargerTick  = 100 * time.Millisecond
	connectAgain = 500 * time.Millisecond
	sendAgain    = time.Second
	bootInterval = 5 * time.Second // where the central system gives none
)

// Run connects until ctx ends.
func (c *Charger) Run(ctx context.Context) error {
	c.begin()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { c.work(ctx) })
	for ctx.Err() == nil {
		if err := c.connect(ctx); err != nil && ctx.Err() == nil {
			c.Log.Info("charger is not connected", "charger", c.ID, "why", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(connectAgain):
		}
	}
	return nil
}

// Cut keeps the charger from its central system for a time.
func (c *Charger) Cut(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutUntil = time.Now().Add(d)
	if c.conn != nil {
		go c.conn.Close("the line is cut")
	}
}

// connect speaks with the central system until the connection ends.
func (c *Charger) connect(ctx context.Context) error {
	c.mu.Lock()
	cut, password := time.Until(c.cutUntil), c.Password
	c.mu.Unlock()
	if cut > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(cut):
		}
	}
	header := http.Header{}
	if password != "" {
		r := http.Request{Header: header}
		r.SetBasicAuth(c.ID, password)
	}
	ws, _, err := websocket.Dial(ctx, c.URL+"/"+url.PathEscape(c.ID), &websocket.DialOptions{HTTPClient: c.Dial,
		HTTPHeader: header, Subprotocols: []string{"ocpp" + cmp.Or(c.Version, "1.6")}})
	if err != nil {
		return err
	}
	handle := c.handle
	if c.Version == v201 {
		handle = c.handle2
	}
	conn := ocppj.New(ws, ocppj.Options{Handle: handle, Log: c.Log, V2: c.Version == v201})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- conn.Run(ctx) }()
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.conn = nil
		c.mu.Unlock()
	}()
	c.speak(ctx, conn)
	cancel()
	return <-ended
}

// speak boots, tells each connector's state, and sends what waits, until the connection ends.
func (c *Charger) speak(ctx context.Context, conn *ocppj.Conn) {
	interval, ok := c.boot(ctx, conn)
	if !ok {
		return
	}
	c.mu.Lock()
	for _, n := range c.connectors {
		n.told = v16.StatusNotification{}
	}
	c.mu.Unlock()
	beat := time.NewTicker(interval)
	defer beat.Stop()
	tick := time.NewTicker(chargerTick)
	defer tick.Stop()
	for {
		select {
		case <-conn.Ended():
			return
		case <-ctx.Done():
			return
		case <-beat.C:
			var now v16.HeartbeatResult
			if conn.Call(ctx, v16.ActionHeartbeat, v16.Empty{}, &now) != nil {
				return
			}
		case <-c.kept:
		case <-tick.C:
		}
		if c.wants(BootLoop) {
			return
		}
		first, then := c.send, c.tell
		if c.wants(StatusFirst) {
			first, then = c.tell, c.send
		}
		if !first(ctx, conn) || !then(ctx, conn) {
			return
		}
	}
}

// boot sends BootNotification until the charger is accepted.
func (c *Charger) boot(ctx context.Context, conn *ocppj.Conn) (interval time.Duration, ok bool) {
	for {
		var result v16.BootResult
		err := c.calls(ctx, conn, v16.ActionBootNotification, v16.BootNotification{Vendor: "kioskd", Model: "simulated",
			Serial: c.ID, Firmware: "1.0"}, &result)
		if err != nil {
			return 0, false
		}
		interval = time.Duration(result.Interval) * time.Second
		if interval <= 0 {
			interval = bootInterval
		}
		if result.Status == v16.Accepted {
			return interval, true
		}
		select {
		case <-conn.Ended():
			return 0, false
		case <-ctx.Done():
			return 0, false
		case <-time.After(interval):
		}
	}
}

// tell tells the states that are new.
func (c *Charger) tell(ctx context.Context, conn *ocppj.Conn) bool {
	for _, n := range c.connectors {
		c.mu.Lock()
		now := v16.StatusNotification{Connector: n.number, Status: n.status(), ErrorCode: v16.NoError}
		if n.faulted {
			now.ErrorCode, now.Info = v16.GroundFailure, "residual current"
		}
		news := now != n.told
		sent, at := now, v16.At(c.clock())
		sent.Timestamp = &at
		c.mu.Unlock()
		if !news {
			continue
		}
		if err := c.calls(ctx, conn, v16.ActionStatusNotification, sent, &v16.Empty{}); err != nil && !answered(err) {
			return false
		}
		c.mu.Lock()
		n.told = now
		c.mu.Unlock()
	}
	return true
}

func answered(err error) bool {
	var own *ocppj.Error
	return errors.As(err, &own)
}

// status is what the connector does (chapter 4.9).
func (n *connector) status() v16.Status {
	s := n.bay.State()
	switch {
	case n.faulted || s.Emergency:
		return v16.Faulted
	case n.tx != nil && n.tx.accepted && s.Plugged && s.Closed && s.Requesting:
		return v16.Charging
	case n.tx != nil && n.tx.accepted && s.Plugged && !s.Closed:
		return v16.SuspendedEVSE
	case n.tx != nil && n.tx.accepted && s.Plugged:
		return v16.SuspendedEV
	case n.inoperative:
		return v16.Unavailable
	case s.Plugged && n.finished:
		return v16.Finishing
	case s.Plugged || n.granted != "":
		return v16.Preparing
	}
	return v16.Available
}

// send sends what waits, in order. It returns false when the connection has ended.
func (c *Charger) send(ctx context.Context, conn *ocppj.Conn) bool {
	c.sending.Lock()
	defer c.sending.Unlock()
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.mu.Unlock()
			return true
		}
		m := c.queue[0]
		c.mu.Unlock()
		var result json.RawMessage
		err := c.calls(ctx, conn, m.action, m.make(), &result)
		if err == nil && m.twice { // as if it had not heard the answer
			err = c.calls(ctx, conn, m.action, m.make(), &result)
		}
		switch {
		case err != nil && !answered(err):
			return false
		case err != nil:
			select {
			case <-ctx.Done():
				return false
			case <-time.After(sendAgain):
			}
			continue
		}
		c.mu.Lock()
		c.queue = slices.DeleteFunc(c.queue, func(q *message) bool { return q == m })
		c.mu.Unlock()
		if m.done != nil {
			m.done(result)
		}
	}
}

// say queues a message about a transaction. The caller holds mu.
func (c *Charger) say(m *message) {
	c.queue = append(c.queue, m)
	select {
	case c.kept <- struct{}{}:
	default:
	}
}

// clock is the charger's own. The caller holds mu.
func (c *Charger) clock() time.Time {
	if c.has(Clock1970) {
		return time.Unix(0, 0).Add(time.Since(c.born))
	}
	return time.Now()
}
