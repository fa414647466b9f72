package receiver

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"kioskd/receipt"
	"kioskd/receipt/page"
	"kioskd/ui/text"
)

// Receipts serves receipts to telephones, which have no certificate of ours: the page that opens a link, the list of
// the kiosks that it believes, and by the name of its session, which cannot be guessed, a receipt that is here. Before
// it stands a server with a public certificate.
//
//	GET /r                           the page
//	GET /r/kiosks.json               keys and sellers of all kiosks
//	GET /r/{session}                 the page
//	GET /r/{session}/receipt.json    {"receipt": the array of a link, "seller": {…}}
func (r *Receiver) Receipts(log *slog.Logger) (http.Handler, error) {
	texts, err := text.Load()
	if err != nil {
		return nil, err
	}
	html, err := page.HTML(texts)
	if err != nil {
		return nil, err
	}
	send := func(kind string, make func(*http.Request) ([]byte, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			body, err := make(req)
			switch {
			case errors.Is(err, ErrNone):
				http.NotFound(w, req)
				return
			case err != nil:
				log.Error("receipt", "error", err)
				http.Error(w, "the receipt cannot be read", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.Write(body) // an error here is the connection's
		}
	}
	index := send("text/html; charset=utf-8", func(*http.Request) ([]byte, error) { return html, nil })
	mux := http.NewServeMux()
	mux.Handle("GET /r", http.RedirectHandler("/r/", http.StatusPermanentRedirect)) // keeps what is after #
	mux.HandleFunc("GET /r/{$}", index)
	mux.HandleFunc("GET /r/{session}", index)
	mux.HandleFunc("GET /r/kiosks.json", send("application/json", func(req *http.Request) ([]byte, error) {
		return r.kiosks(req.Context())
	}))
	mux.HandleFunc("GET /r/{session}/receipt.json", send("application/json", func(req *http.Request) ([]byte, error) {
		return r.receipt(req.Context(), req.PathValue("session"))
	}))
	return mux, nil
}

// receipt is what the page asks for.
func (r *Receiver) receipt(ctx context.Context, session string) ([]byte, error) {
	got, err := r.Receipt(ctx, session, "")
	if err != nil {
		return nil, err
	}
	kioskID, _, err := r.Where(ctx, session, "")
	if err != nil {
		return nil, err
	}
	row, err := receipt.Row(got, kioskID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"receipt": json.RawMessage(row), "seller": got.Seller})
}

// treeHash is that of a journal's first records.
func (r *Receiver) treeHash(ctx context.Context, kioskID, epoch string, n int64) ([32]byte, error) {
	var tree journal
	rows, err := r.db.QueryContext(
		ctx, "select hash from record where kiosk = ? and epoch = ? and seq <= ? order by seq",
		kioskID, epoch, n)
	if err != nil {
		return [32]byte{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(&hash); err != nil {
			return [32]byte{}, err
		}
		tree.grow(tlog.Hash(hash))
	}
	return tree.root(), rows.Err()
}

// kiosks is the page's list: of each kiosk its key, and what it said of its sellers.
func (r *Receiver) kiosks(ctx context.Context) ([]byte, error) {
	rows, err := r.db.QueryContext(ctx, "select j.kiosk, j.key, coalesce(s.seller, '{}') from journal j left join "+
		"(select distinct kiosk, epoch, line -> '$.body.site' as seller from record where kind = 'bay_lease' and "+
		"line <> '') s on s.kiosk = j.kiosk and s.epoch = j.epoch order by j.rowid")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]page.Kiosk{}
	for rows.Next() {
		var id, verifier, text string
		if err := rows.Scan(&id, &verifier, &text); err != nil {
			return nil, err
		}
		key, err := publicKey(verifier)
		if err != nil {
			return nil, fmt.Errorf("kiosk %s: %w", id, err)
		}
		var seller map[string]string
		if err := json.Unmarshal([]byte(text), &seller); err != nil {
			return nil, fmt.Errorf("kiosk %s: %w", id, err)
		}
		k := all[id]
		if k.Sellers == nil || !ed25519.PublicKey(k.Key).Equal(key) { // of a later journal
			k = page.Kiosk{Key: key, Sellers: map[string]map[string]string{}}
		}
		k.Sellers[receipt.SellerHash(seller)] = seller
		all[id] = k
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// publicKey is the key of a verifier's text, name+hash+key, whose first byte says that it is Ed25519.
func publicKey(verifier string) (ed25519.PublicKey, error) {
	parts := strings.SplitN(verifier, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("its key cannot be read")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return nil, errors.New("its key cannot be read")
	}
	return key[1:], nil
}
