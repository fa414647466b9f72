package ui_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
	"kioskd/ui"
)

// drawer of receipts: one is known by its code, two by the card that is shown.
type archive struct {
	card chan []ui.ReceiptView
	err  error
}

func (a archive) ByKeys(_ context.Context, keys string) ([]ui.ReceiptView, error) {
	switch keys {
	case "7452647": // 7GK2M4Q
		return []ui.ReceiptView{{Reference: "7GK2M4Q", Bay: 3, Paid: eur(903)}}, nil
	case "2222222":
		return []ui.ReceiptView{{Reference: "AAAAAAA"}, {Reference: "BBBBBBB"}}, nil
	}
	return nil, a.err
}

func (a archive) ByCard(context.Context) ([]ui.ReceiptView, error) { return <-a.card, a.err }

// desk lets in 271828 as the technician and 314159 as the host.
type desk struct {
	mu     sync.Mutex
	done   []string
	hold   chan struct{} // a code is judged for so long; nil for at once
	judged int
}

func (d *desk) Judge(code string) string {
	d.mu.Lock()
	d.judged++
	d.mu.Unlock()
	if d.hold != nil {
		<-d.hold
	}
	return map[string]string{"271828": ui.RoleTechnician, "314159": ui.RoleHost}[code]
}

func (d *desk) Page(_ context.Context, role, page string, _ session.Snapshot) ui.StaffView {
	return ui.StaffView{Rows: []ui.Row{{Text: role + " " + page,
		Do: &ui.Action{Key: "faults.clear", Value: "!clear:MT005:2"}}},
		Actions: []ui.Action{{Key: "staff.page.faults", Value: "page:faults"},
			{Key: "journal.verify", Value: "verify"}}}
}

func (d *desk) Do(_ context.Context, role, action string) ui.Row {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, role+" "+action)
	return ui.Row{Key: "staff.done", State: "ok"}
}

// newOver is a kiosk with everything that lies over a visit.
func newOver(t *testing.T) (*machine, *ui.Presenter, archive, *desk) {
	m, _ := newScreen(t)
	tf, err := tariff.Parse([]byte(price))
	if err != nil {
		t.Fatal(err)
	}
	a, d := archive{card: make(chan []ui.ReceiptView, 1)}, &desk{}
	p := ui.NewPresenter(ui.Site{Name: "Site", Kiosk: "K-0042", Languages: []string{"en", "de", "ar"}, Bays: []int{3},
		Prices: ui.Always(tf, "sum"), Receipt: handout, Hold: eur(5000),
		Timezone: "Europe/Berlin",
		Rules:    m.rules, Times: ui.DefaultTimes(), CardWait: 45 * time.Second, Archive: a, Desk: d},
		m)
	look(p)
	return m, p, a, d
}

// TestHelpLanguageAndLargerTextAreOnEveryScreen and lead back to where they were.
func TestHelpLanguageAndLargerTextAreOnEveryScreen(t *testing.T) {
	m, p, _, _ := newOver(t)
	stages := []func() ui.Screen{
		func() ui.Screen { return ui.Attract },
		func() ui.Screen { touch(t, p, ui.Touch, "", ui.Bays); return ui.Bays },
		func() ui.Screen { touch(t, p, ui.Choose, "3", ui.Price); return ui.Price },
		func() ui.Screen { touch(t, p, ui.Accept, "", ui.Tap); return ui.Tap },
		func() ui.Screen {
			m.must(session.Observation{What: session.HoldApproved, Session: "S1",
				Hold: &kiosk.Hold{ID: "231", Approved: eur(5000)}})
			m.must(session.Observation{What: session.HoldEnded, Session: "S1"})
			return ui.PlugIn
		},
	}
	for _, stage := range stages {
		on := stage()
		for _, over := range []ui.Screen{ui.Help, ui.Languages, ui.AccessAsk} {
			touch(t, p, ui.Open, string(over), over)
			touch(t, p, ui.Back, "", on)
		}
		touch(t, p, ui.Open, string(ui.Languages), ui.Languages)
		if v := touch(t, p, ui.Language, "de", on); v.Language != "de" {
			t.Errorf("on %s the language is %s", on, v.Language)
		}
		if on != ui.PlugIn {
			continue
		}
		touch(t, p, ui.Open, string(ui.Help), ui.Help)
	}
	// by a device, say: help does not hide what became of their money
	m.must(session.Observation{What: session.Cancelled, Session: "S1"})
	if v := look(p); v.Screen != ui.Final {
		t.Errorf("after the session ended the screen is still %s", v.Screen)
	}
	if err := p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: ui.Open,
		Value: string(ui.Technic)}); err == nil {
		t.Error("any driver can open the technician's page")
	}
}

// TestReadingSomethingElseCostsNoTry: a driver who chooses their language while a card is asked for is not told that
// none was seen, but asked again; and help that is read for long does not end the visit.
func TestReadingSomethingElseCostsNoTry(t *testing.T) {
	m, p, _, _ := newOver(t)
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Choose, "3", ui.Price)
	m.now = m.now.Add(70 * time.Second)
	touch(t, p, ui.Open, string(ui.Help), ui.Help)
	m.now = m.now.Add(50 * time.Second)
	m.must(session.Observation{What: session.Ticked})
	if v := touch(t, p, ui.Back, "", ui.Price); v.Seconds < 30 {
		t.Errorf("after a minute with the help they have %d s left", v.Seconds)
	}
	touch(t, p, ui.Accept, "", ui.Tap)
	touch(t, p, ui.Open, string(ui.Languages), ui.Languages)
	m.must(session.Observation{What: session.HoldEnded, Session: "S1",
		Err: &kiosk.Declined{Class: kiosk.DeclineNoCard}})
	if v := look(p); v.Screen != ui.Languages {
		t.Fatalf("they are thrown out of the languages to %s", v.Screen)
	}
	if v := touch(t, p, ui.Language, "de", ui.Tap); v.Language != "de" ||
		m.state.Sessions["S1"].Money != session.HoldAsked {
		t.Errorf("in %s, money is %s", v.Language, m.state.Sessions["S1"].Money)
	}
	touch(t, p, ui.Open, string(ui.Help), ui.Help)
	m.must(session.Observation{What: session.HoldEnded, Session: "S1",
		Err: &kiosk.Declined{Class: kiosk.DeclineIssuer}})
	if v := look(p); v.Screen != ui.Declined {
		t.Errorf("what the bank said is hidden behind %s", v.Screen)
	}
}

// TestLargerTextGivesMoreTime: three times as long for everything, until they have gone.
func TestLargerTextGivesMoreTime(t *testing.T) {
	m, p, _, _ := newOver(t)
	touch(t, p, ui.Open, string(ui.AccessAsk), ui.AccessAsk)
	if v := touch(t, p, ui.SetLarge, "on", ui.AccessAsk); !v.Access.Large {
		t.Fatal("text is not larger")
	}
	touch(t, p, ui.Back, "", ui.Attract)
	touch(t, p, ui.Touch, "", ui.Bays)
	m.now = m.now.Add(2 * time.Minute)
	if look(p).Screen != ui.Bays {
		t.Error("the bays went away after a minute")
	}
	if v := touch(t, p, ui.Choose, "3", ui.Price); v.Seconds < 260 || !v.Access.Large {
		t.Errorf("they have %d s for the price", v.Seconds)
	}
	m.now = m.now.Add(5 * time.Minute)
	m.must(session.Observation{What: session.Ticked})
	look(p)
	m.now = m.now.Add(5 * time.Minute)
	look(p) // back at the bays, and still larger
	m.now = m.now.Add(5 * time.Minute)
	if v := look(p); v.Screen != ui.Attract || v.Access.Large {
		t.Errorf("the next visitor finds %s, larger %v", v.Screen, v.Access.Large)
	}
}

// TestSheIsAskedBeforeHerTimeEnds and can have more.
func TestSheIsAskedBeforeHerTimeEnds(t *testing.T) {
	m, p, _, _ := newOver(t)
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Choose, "3", ui.Price)
	m.now = m.now.Add(70 * time.Second)
	for range 5 { // a view each second, as the socket has it
		look(p)
		m.now = m.now.Add(time.Second)
	}
	v := look(p)
	if v.Screen != ui.Still || v.Seconds != 15 || !v.More {
		t.Fatalf("with 15 s left the screen is %s %d", v.Screen, v.Seconds)
	}
	if v := touch(t, p, ui.MoreTime, "", ui.Price); v.Seconds < 100 {
		t.Errorf("more time is %d s", v.Seconds)
	}
	m.now = m.now.Add(90 * time.Second)
	look(p)
	touch(t, p, ui.Back, "", ui.Bays) // they cancel there, and nothing failed
	if x := m.state.Sessions["S1"]; x.Record == session.RecordOpen {
		t.Error("cancelling did not end it")
	}
}

// TestABayThatIsBrokenSaysWhy and that nothing was charged.
func TestABayThatIsBrokenSaysWhy(t *testing.T) {
	m, p, _, _ := newOver(t)
	m.rules.Bays[4] = session.BayRules{}
	touch(t, p, ui.Touch, "", ui.Bays)
	m.must(session.Observation{What: session.FaultSeen, Fault: "MT001", Bay: 4, Raised: true})
	if v := touch(t, p, ui.Choose, "4", ui.BayFault); v.Fault != "MT001" || v.Bay != 4 ||
		v.Key() != "fault.MT001.driver" {
		t.Errorf("%+v", v)
	}
	m.must(session.Observation{What: session.FaultSeen, Fault: "MT001", Bay: 4})
	if v := look(p); v.Screen != ui.Bays {
		t.Errorf("after it was mended the screen is %s", v.Screen)
	}
}

// TestTheReceiptIsReadOnTheGlass: from the last screen, and from no other; Back leads back to it.
func TestTheReceiptIsReadOnTheGlass(t *testing.T) {
	m, p, _, _ := newOver(t)
	refused := func(on ui.Screen) {
		t.Helper()
		if err := p.Input(t.Context(), ui.Input{Seq: look(p).Seq, Kind: ui.Open,
			Value: string(ui.Itemised)}); err == nil {
			t.Errorf("on %s a receipt can be read", on)
		}
	}
	refused(ui.Attract)
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Accept, "", ui.Tap)
	m.must(session.Observation{What: session.HoldApproved, Session: "S1",
		Hold: &kiosk.Hold{ID: "231", Approved: eur(5000)}})
	m.must(session.Observation{What: session.HoldEnded, Session: "S1"})
	look(p)
	refused(ui.PlugIn)
	m.must(session.Observation{What: session.Cancelled, Session: "S1"})
	if v := look(p); v.Screen != ui.Final || !strings.HasPrefix(v.Code, "https://pay.example/r/") {
		t.Fatalf("the last screen is %s, its code %q", v.Screen, v.Code)
	}
	v := touch(t, p, ui.Open, string(ui.Itemised), ui.Itemised)
	if len(v.Items) != 1 || v.Items[0].Value[0].Text != v.Reference {
		t.Errorf("the receipt on the glass is %+v", v.Items)
	}
	touch(t, p, ui.Back, "", ui.Final)
}

func TestAReceiptIsFoundByItsCode(t *testing.T) {
	m, p, _, _ := newOver(t)
	touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
	enter := func(code string) {
		for _, c := range code {
			look(p)
			p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: ui.Digit, Value: string(c)})
		}
	}
	enter("7452644")
	if v := look(p); v.Message != "none" {
		t.Errorf("a wrong code gives %s %q", v.Screen, v.Message)
	}
	enter("2222222")
	if v := look(p); v.Screen != ui.Receipts || v.Message != "several" || len(v.Receipts) > 0 {
		t.Errorf("a code that fits two gives %s %q with %d receipts", v.Screen, v.Message, len(v.Receipts))
	}
	enter("74526")
	touch(t, p, ui.Erase, "", ui.Receipts)
	enter("647")
	if v := look(p); v.Screen != ui.Found || v.Paid.Minor != 903 || v.Reference != "7GK2M4Q" {
		t.Errorf("the right one gives %+v", v)
	}
	touch(t, p, ui.Back, "", ui.Attract)
	touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
	for range 3 { // two were wrong before
		enter("1111111")
		touch(t, p, ui.Back, "", ui.Attract)
		touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
	}
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} { // twice as long each time
		m.now = m.now.Add(wait - time.Second)
		touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
		enter("7452647")
		if v := look(p); v.Screen == ui.Found || v.Message != "locked" {
			t.Fatalf("%v after a wrong code the screen is %s %q", wait-time.Second, v.Screen, v.Message)
		}
		m.now = m.now.Add(time.Second)
		touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
		enter("1111111")
	}
	m.now = m.now.Add(25 * time.Hour)
	touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
	enter("7452647")
	if v := look(p); v.Screen != ui.Found {
		t.Errorf("a day later the right code gives %s %q", v.Screen, v.Message)
	}
}

func TestReceiptsAreFoundByTheCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, a, _ := newOver(t)
		touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
		if v := touch(t, p, ui.ShowCard, "", ui.Receipts); v.Message != "asked" {
			t.Errorf("%q", v.Message)
		}
		a.card <- []ui.ReceiptView{{Reference: "AAAAAAA", Paid: eur(100)}, {Reference: "BBBBBBB", Paid: eur(200)}}
		synctest.Wait()
		if v := look(p); v.Screen != ui.Found || len(v.Receipts) != 2 || v.Reference != "" {
			t.Fatalf("%+v", v)
		}
		if v := touch(t, p, ui.Show, "BBBBBBB", ui.Found); v.Paid.Minor != 200 {
			t.Errorf("%+v", v)
		}
		touch(t, p, ui.Back, "", ui.Found)
		touch(t, p, ui.Back, "", ui.Attract)
		touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts)
		touch(t, p, ui.ShowCard, "", ui.Receipts)
		touch(t, p, ui.Back, "", ui.Attract) // they go; the next visitor must not see what comes
		a.card <- []ui.ReceiptView{{Reference: "AAAAAAA"}}
		synctest.Wait()
		if v := touch(t, p, ui.Open, string(ui.Receipts), ui.Receipts); v.Screen == ui.Found || len(v.Receipts) > 0 {
			t.Errorf("another driver's receipts are shown: %+v", v)
		}
	})
}

func staffEnter(t *testing.T, p *ui.Presenter, code string) {
	t.Helper()
	touch(t, p, ui.Staff, "", ui.StaffCode)
	for _, c := range code {
		touch(t, p, ui.Digit, string(c), ui.StaffCode)
	}
	if err := p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: ui.StaffDo, Value: "code"}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// TestStaffIsLetInByACode, does only what is shown, and is asked before what matters.
func TestStaffIsLetInByACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p, _, d := newOver(t)
		var wrote []string
		m.wrote = func(e session.Event) { wrote = append(wrote, string(e.Kind)) }
		staffEnter(t, p, "000000")
		if v := look(p); v.Screen != ui.StaffCode || v.Staff.Note == nil || v.Staff.Note.Key != "staff.wrong" {
			t.Fatalf("a wrong code leads to %s", v.Screen)
		}
		touch(t, p, ui.Back, "", ui.Attract)
		staffEnter(t, p, "271828")
		if v := look(p); v.Screen != ui.Technic || v.Staff.Page != "technician" {
			t.Fatalf("the right code leads to %s", v.Screen)
		}
		if got := strings.Join(wrote, " "); got != "access_refused access_granted" {
			t.Errorf("journal has %s", got)
		}
		if v := touch(t, p, ui.StaffDo, "page:faults", ui.Technic); v.Staff.Page != "faults" ||
			v.Staff.Rows[0].Text != "technician faults" {
			t.Errorf("%+v", v.Staff)
		}
		if v := touch(t, p, ui.StaffDo, "!clear:MT005:2", ui.Technic); v.Staff.Ask == nil {
			t.Error("it is done unasked")
		}
		touch(t, p, ui.Back, "", ui.Technic)
		touch(t, p, ui.StaffDo, "!clear:MT005:2", ui.Technic)
		touch(t, p, ui.StaffDo, "yes", ui.Technic)
		synctest.Wait()
		if v := look(p); v.Staff.Note == nil || v.Staff.Note.Key != "staff.done" || v.Staff.Busy {
			t.Errorf("%+v", v.Staff)
		}
		if err := p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: ui.StaffDo,
			Value: "off"}); err == nil {
			t.Error("something was done that is not shown")
		}
		if !slices.Equal(d.done, []string{"technician clear:MT005:2"}) {
			t.Errorf("done was %q", d.done)
		}
		m.now = m.now.Add(5 * time.Minute)
		if v := look(p); v.Screen != ui.Attract || v.Staff != nil {
			t.Errorf("who went is still let in: %s", v.Screen)
		}
	})
}

// TestNobodyIsLetInOverAVisit: the gesture works where no driver is.
func TestNobodyIsLetInOverAVisit(t *testing.T) {
	_, p, _, _ := newOver(t)
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Staff, "", ui.Price)
}

// TestOneCodeIsJudgedAtATime, although the visitor leaves the page and enters another: each takes memory.
func TestOneCodeIsJudgedAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, _, d := newOver(t)
		d.hold = make(chan struct{})
		for range 20 {
			touch(t, p, ui.Staff, "", ui.StaffCode)
			for _, c := range "271829" {
				touch(t, p, ui.Digit, string(c), ui.StaffCode)
			}
			if err := p.Input(context.Background(), ui.Input{Seq: look(p).Seq, Kind: ui.StaffDo,
				Value: "code"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			touch(t, p, ui.Back, "", ui.Attract)
		}
		if d.judged != 1 {
			t.Errorf("%d codes are judged at once", d.judged)
		}
		close(d.hold)
		synctest.Wait()
	})
}

// inputKinds are all that a screen may send, and one that it may not.
func inputKinds() []ui.InputKind {
	return []ui.InputKind{ui.Touch, ui.Choose, ui.Accept, ui.Back, ui.Stop, ui.Confirm, ui.Language, ui.Again,
		ui.SetLimit,
		ui.Digit, ui.ShowCard, ui.Open, ui.MoreTime, ui.SetLarge, ui.Speak, ui.Erase, ui.Show, ui.Staff,
		ui.StaffDo,
		"nonsense"}
}

// TestADayOfRandomTouches: whatever is touched, in whatever order, a driver who stops touching
// finds the price again, and nothing grows.
func TestADayOfRandomTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p, a, _ := newOver(t)
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 1))
		kinds := inputKinds()
		values := []string{"", "3", "4", "0", "en", "de", "on", "off", "help", "languages", "accessibility", "limits",
			"receipt_later", "7", "code", "verify", "page:faults", "yes", "-1", "AAAAAAA"}
		seen := map[ui.Screen]bool{}
		all := []ui.Screen{ui.Attract, ui.Bays, ui.Price, ui.Tap, ui.PlugIn, ui.Final, ui.Declined, ui.Help,
			ui.Languages,
			ui.AccessAsk, ui.Receipts, ui.StaffCode}
		unseen := func(s ui.Screen) bool { return !seen[s] }
		const day = 24 * 60 * 60 / 5
		for n := 0; n < day || n < 30*day && slices.ContainsFunc(all, unseen); n++ { // chance may need more than one
			m.now = m.now.Add(5 * time.Second)
			v := look(p)
			seen[v.Screen] = true
			// most are refused
			p.Input(context.Background(), ui.Input{Seq: v.Seq, Kind: kinds[dice.IntN(len(kinds))],
				Value: values[dice.IntN(len(values))]})
			select {
			case a.card <- nil:
			default:
			}
			synctest.Wait()
			m.fate(dice)
		}
		for range 60 {
			m.now = m.now.Add(10 * time.Second)
			m.must(session.Observation{What: session.Ticked})
			look(p)
		}
		if v := look(p); v.Screen != ui.Attract || v.Language != "en" || (v.Access != ui.Access{}) {
			t.Errorf("seed %d: ten minutes after the last touch the screen is %s %s in %s", seed, v.Screen, v.Message,
				v.Language)
		}
		for _, s := range all {
			if unseen(s) {
				t.Errorf("seed %d: %s was never reached", seed, s)
			}
		}
		if n := len(m.state.Sessions); n > 20 {
			t.Errorf("seed %d: %d sessions are remembered", seed, n)
		}
		close(a.card)
		synctest.Wait()
	})
}

// fate lets banks and cars do something now and then.
func (m *machine) fate(dice *rand.Rand) {
	m.t.Helper()
	try := func(o session.Observation) {
		if err := m.Do(context.Background(), o); err != nil && errors.Is(err, errors.ErrUnsupported) {
			m.t.Fatal(err)
		}
	}
	try(session.Observation{What: session.Ticked})
	for id, x := range m.state.Sessions {
		switch {
		case x.Money == session.HoldAsked && dice.IntN(3) == 0:
			try(session.Observation{What: session.HoldApproved, Session: id,
				Hold: &kiosk.Hold{ID: "231", TraceNo: id, Approved: eur(5000)}})
			try(session.Observation{What: session.HoldEnded, Session: id})
		case x.Money == session.HoldAsked && dice.IntN(3) == 0:
			try(session.Observation{What: session.HoldEnded, Session: id,
				Err: &kiosk.Declined{Class: kiosk.DeclineIssuer}})
		case x.Money == session.ReleaseAsked:
			try(session.Observation{What: session.SettlementEnded, Session: id,
				Result: &kiosk.CaptureResult{ID: "232", Booked: eur(0)}})
		}
	}
}

// TestHelpDoesNotThrowThemOut: who opens it and goes to their vehicle still has their visit, and a
// stranger who comes meanwhile neither sees their stop code nor cancels.
func TestHelpDoesNotThrowThemOut(t *testing.T) {
	m, p, _, _ := newOver(t)
	touch(t, p, ui.Touch, "", ui.Bays)
	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Accept, "", ui.Tap)
	m.must(session.Observation{What: session.HoldApproved, Session: "S1",
		Hold: &kiosk.Hold{ID: "231", Approved: eur(5000)}})
	m.must(session.Observation{What: session.HoldEnded, Session: "S1"})
	touch(t, p, ui.Open, string(ui.Help), ui.Help)
	m.now = m.now.Add(61 * time.Second)
	if v := look(p); v.Screen != ui.PlugIn || v.StopCode == "" {
		t.Errorf("a minute later the screen is %s, stop code %q", v.Screen, v.StopCode)
	}
}

// TestAFreeChargeIsNotTheFirstStrangers: who happens to touch its bay neither sees its stop
// code nor cancels it, also after a restart.
func TestAFreeChargeIsNotTheFirstStrangers(t *testing.T) {
	m, p, _, _ := newOver(t)
	offer := &session.Offer{Tariff: []byte(
		`{"id":"free","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY",
			"price":0}]}]}`),
		Hold: eur(0), Language: "en", Timezone: "Europe/Berlin", Limit: &session.Limit{Energy: 20000}}
	m.must(session.Observation{What: session.FreeAsked, Session: "F1", Reference: "ABC1234", Bay: 3, By: "host",
		Offer: offer})
	if v := presenter(t, m).View(); v.Screen != ui.Attract {
		t.Errorf("after a restart the screen is %s", v.Screen)
	}
	touch(t, p, ui.Touch, "", ui.Bays)
	if v := touch(t, p, ui.Choose, "3", ui.PlugIn); v.StopCode != "" || v.More {
		t.Errorf("a stranger sees %q", v.StopCode)
	}
	touch(t, p, ui.Back, "", ui.Bays)
	if x := m.state.Sessions["F1"]; x.Record != session.RecordOpen || x.Power != session.Waiting {
		t.Error("a stranger cancelled it")
	}
}

// TestABayIsChosenOnTheFirstScreen: two touches lead from the price to the card.
func TestABayIsChosenOnTheFirstScreen(t *testing.T) {
	_, p, _, _ := newOver(t)
	if v := look(p); v.Screen != ui.Attract || len(v.Bays) == 0 {
		t.Fatalf("%s with %d bays", v.Screen, len(v.Bays))
	}
	touch(t, p, ui.Choose, "3", ui.Price)
	touch(t, p, ui.Accept, "", ui.Tap)
}

// TestAnAlarmGoesWithTheDriver: it is on every screen of a visit, and ends with its fault.
func TestAnAlarmGoesWithTheDriver(t *testing.T) {
	m, p, _, _ := newOver(t)
	m.must(session.Observation{What: session.FaultSeen, Fault: "CX017", Bay: 4, Raised: true})
	m.must(session.Observation{What: session.FaultSeen, Fault: "CX008", Bay: 4, Raised: true})
	told := func(v ui.View) {
		t.Helper()
		if v.Danger != 4 || v.Pressed != 4 {
			t.Errorf("%s tells of a danger at bay %d, of a stop at bay %d", v.Screen, v.Danger, v.Pressed)
		}
	}
	told(look(p))
	told(touch(t, p, ui.Touch, "", ui.Bays))
	told(touch(t, p, ui.Choose, "3", ui.Price))
	told(touch(t, p, ui.Open, string(ui.Help), ui.Help))
	told(touch(t, p, ui.Back, "", ui.Price))
	told(touch(t, p, ui.Accept, "", ui.Tap))
	m.must(session.Observation{What: session.FaultSeen, Fault: "CX017", Bay: 4})
	m.must(session.Observation{What: session.FaultSeen, Fault: "CX008", Bay: 4})
	if v := look(p); v.Danger != 0 || v.Pressed != 0 {
		t.Errorf("what is over is still told: %d, %d", v.Danger, v.Pressed)
	}
}
