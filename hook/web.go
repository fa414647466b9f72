package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// secretPrefix begins a secret of Standard Webhooks.
const secretPrefix = "whsec_"

// ParseSecrets reads secrets, one a line: where there are two, each event is signed by both, while the receiver changes
// from one to the other.
func ParseSecrets(text string) (keys [][]byte, err error) {
	for _, line := range strings.Fields(text) {
		b64, ok := strings.CutPrefix(line, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(b64)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errors.New("want a secret a line: " + secretPrefix + " and 24 to 64 bytes in base64")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || len(keys) > 2 {
		return nil, fmt.Errorf("%d secrets: want one, or two while they change", len(keys))
	}
	return keys, nil
}

// Web sends events to an address, one at a time.
type Web struct {
	URL     string
	Secrets func() ([][]byte, error) // read anew each time, so that they may change
	Now     func() time.Time
	client  *http.Client
}

// NewWeb is a sender to an address. It goes to no private address unless that is wanted, and follows no redirection:
// what is told must not be turned against the site's own network.
func NewWeb(address string, private bool, secrets func() ([][]byte, error), now func() time.Time) *Web {
	dialer := &net.Dialer{Timeout: patience, Control: func(_, to string, _ syscall.RawConn) error {
		if private {
			return nil
		}
		return public(to)
	}}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: patience, MaxIdleConns: 1,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	return &Web{address, secrets, now, &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// patience is how long a receiver may take.
const patience = 10 * time.Second

// special are the addresses that look public and are not (IANA's registries of special-purpose addresses), with those
// that carry an IPv4 address in them.
func special() []string {
	return []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "fec0::/10"}
}

// public tells why an address is none of the public network.
func public(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap()
	inside := func(p string) bool { return netip.MustParsePrefix(p).Contains(ip) }
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || slices.ContainsFunc(special(), inside) {
		return fmt.Errorf("%s is no public address: private: true would allow it", ip)
	}
	return nil
}

// Send implements Target.Send.
func (w *Web) Send(ctx context.Context, events []Event) error {
	for _, e := range events {
		if err := w.send(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// send posts an event, signed as Standard Webhooks 1.0.0 has it.
func (w *Web) send(ctx context.Context, e Event) error {
	keys, err := w.Secrets()
	if err != nil {
		return err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(w.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kioskd")
	req.Header.Set("webhook-id", e.ID)
	req.Header.Set("webhook-timestamp", at)
	req.Header.Set("webhook-signature", signature(keys, e.ID, at, body))
	resp, err := w.client.Do(req)
	var failed *url.Error
	if errors.As(err, &failed) { // its text has the whole address, in which there may be a secret
		err = failed.Err
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // so that the connection may be used again; its status counts
	switch {
	case resp.StatusCode == http.StatusGone:
		return ErrGone
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("the receiver answers %s", resp.Status)
	}
	return nil
}

// signature signs an event by each key.
func signature(keys [][]byte, id, at string, body []byte) string {
	var out []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(out, " ")
}
