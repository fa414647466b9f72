package site

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/receipt"
	"kioskd/receipt/page"
	"kioskd/session"
	"kioskd/store"
	"kioskd/ui"
	"kioskd/ui/text"
)

// archive looks receipts up for the screen, and makes what drivers take away. It implements ui.Archive.
type archive struct {
	c        *config.Config
	journal  *store.Store
	control  *session.Controller
	terminal kiosk.CardTerminal
	texts    *text.Catalogues
	key      ed25519.PrivateKey // signs receipts; nil where no page opens them

	mu   sync.Mutex
	kept map[string]taken // from the last sessions, as they stood
}

func newArchive(c *config.Config, journal *store.Store, control *session.Controller,
	terminal kiosk.CardTerminal) (*archive, error) {
	texts, err := text.Load()
	if err != nil {
		return nil, err
	}
	a := &archive{c: c, journal: journal, control: control, terminal: terminal, texts: texts}
	if c.Receipts.Page != "" {
		a.key, err = receiptKey(c)
	}
	return a, err
}

// receiptKey is the key that signs the receipts of a kiosk: that of its journal's checkpoints.
func receiptKey(c *config.Config) (ed25519.PrivateKey, error) {
	secret, err := checkpointKey(checkpointKeyPath(c), c.KioskID)
	if err != nil {
		return nil, err
	}
	return backoffice.PrivateKey(secret)
}

// WriteReceiptPage writes the page that opens the links of a kiosk's receipts, and adds the kiosk to its list.
func WriteReceiptPage(c *config.Config, dir string) error {
	if _, err := os.Stat(checkpointKeyPath(c)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s: kioskd makes it when it starts with receipts.url; start it once",
			checkpointKeyPath(c))
	}
	key, err := receiptKey(c)
	if err != nil {
		return err
	}
	texts, err := text.Load()
	if err != nil {
		return err
	}
	return page.Write(dir, texts, c.KioskID, key.Public().(ed25519.PublicKey), c.Site)
}

// keepReceipts is how many are remembered: those that a screen shows again and again.
const keepReceipts = 100

// codeLimit is how long a screen waits for the journal: the next view asks again.
const codeLimit = 300 * time.Millisecond

// taken is what a driver takes away, made once: a screen asks for it with every view, and signing it is work.
type taken struct {
	ui.Handout
	rests int64 // the record that the back office must have for its short link to open; 0 where there is no such link
}

// handout is what a driver takes away of a session, or reads on the glass. Before the receipt rests on a record, and
// where no money was reserved, there is nothing.
func (a *archive) handout(x session.Session) ui.Handout {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), codeLimit)
	defer cancel()
	state := x.ID + " " + string(x.Money)
	k, ok := a.kept[state]
	if !ok {
		r, err := receipt.From(ctx, a.journal.Session(ctx, x.ID), a.journal.TreeHash)
		if err != nil && !errors.Is(err, receipt.ErrNone) || err == nil && r.Head == "" {
			return ui.Handout{}
		}
		if len(a.kept) >= keepReceipts || a.kept == nil {
			a.kept = map[string]taken{}
		}
		if r.No != "" { // else no money was reserved
			k = a.take(r)
		}
		a.kept[state] = k
	}
	return a.shortened(ctx, k, x.ID)
}

// take makes what a driver takes away with no help of a network: the link that carries the receipt, or a mail with its
// text.
func (a *archive) take(r receipt.Receipt) taken {
	k := taken{Handout: ui.Handout{Items: itemised(r)}}
	if a.c.Receipts.Short != "" {
		n, _, _ := strings.Cut(r.Head, " ")
		if rests, err := strconv.ParseInt(n, 10, 64); err == nil {
			k.rests = rests
		}
	}
	if a.key != nil {
		if digits, err := receipt.Digits(r, a.c.KioskID, a.key); err == nil { // else the mail carries it
			k.Code = a.c.Receipts.Page + "#" + digits
			return k
		}
	}
	k.Code = r.Mail(a.texts.Printer(r.Language), a.texts.Printer("en"))
	return k
}

// shortened gives a session's handout the back office's short link while the back office has the receipt: it has not
// where it was set back to an older copy.
func (a *archive) shortened(ctx context.Context, k taken, id string) ui.Handout {
	if k.rests <= 0 {
		return k.Handout
	}
	if acked, _, err := a.journal.Acked(ctx); err == nil && acked >= k.rests {
		k.Code = strings.TrimSuffix(a.c.Receipts.Short, "/") + "/" + id
	}
	return k.Handout
}

// How far back, and how many, a driver may look.
const (
	receiptsFor = 60 * 24 * time.Hour
	receiptsMax = 12
	receiptCard = 20 * time.Second // to show the card
)

// someKeys is how many sessions with the same keys are looked at: more have not been here in sixty days.
const someKeys = 20

// ByKeys implements ui.Archive.
func (a *archive) ByKeys(ctx context.Context, keys string) ([]ui.ReceiptView, error) {
	var each []string
	for _, k := range []byte(keys) {
		each = append(each, kiosk.PhoneKey(k))
	}
	ids, err := a.journal.FindEach(ctx, each, someKeys)
	if err != nil {
		return nil, err
	}
	found, err := a.view(ctx, ids)
	for i, r := range found { // a code may be guessed: on the glass stands nothing of the card
		found[i].Items = slices.DeleteFunc(slices.Clone(r.Items), func(i ui.Item) bool {
			return slices.Contains([]string{"receipt.card", "receipt.aid", "receipt.auth", "receipt.terminal"}, i.Key)
		})
	}
	return found, err
}

// ByCard implements ui.Archive.
func (a *archive) ByCard(ctx context.Context) ([]ui.ReceiptView, error) {
	var token string
	err := a.control.WithTerminal(ctx, func(ctx context.Context) (err error) {
		token, err = a.terminal.ReadCard(ctx, receiptCard)
		return err
	})
	var no *kiosk.Declined
	if errors.As(err, &no) || err == nil && token == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for r, err := range a.journal.ByToken(ctx, string(session.HoldOK), token) {
		if err != nil {
			return nil, err
		}
		if len(ids) == receiptsMax || time.Since(r.Wall) > receiptsFor {
			break
		}
		if !slices.Contains(ids, r.Session) {
			ids = append(ids, r.Session)
		}
	}
	return a.view(ctx, ids)
}

func (a *archive) view(ctx context.Context, ids []string) (out []ui.ReceiptView, err error) {
	for _, id := range ids {
		r, err := receipt.From(ctx, a.journal.Session(ctx, id), a.journal.TreeHash)
		if errors.Is(err, receipt.ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if time.Since(r.Issued) > receiptsFor || r.Issued.IsZero() {
			continue
		}
		out = append(out, ui.ReceiptView{Reference: r.No, At: r.Issued, Bay: r.Bay, Energy: r.Energy, Paid: r.Total,
			Settled: r.Settled, Handout: a.shortened(ctx, a.take(r), id)})
	}
	return out, nil
}

// itemised is a receipt as the screen shows it, in whichever language the screen is.
func itemised(r receipt.Receipt) (out []ui.Item) {
	for _, i := range r.Items() {
		out = append(out, ui.Item{Key: i.Key, Args: args(i.Args), Times: args(i.Times), Value: args(i.Value),
			Sum: i.Sum})
	}
	return out
}

func args(values []receipt.Value) (out []ui.Arg) {
	for _, v := range values {
		out = append(out, ui.Arg{Name: v.Name, Text: v.Text, Number: v.Number, Unit: v.Unit, Currency: v.Currency,
			Money: v.Money, Energy: v.Energy, At: v.At})
	}
	return out
}
