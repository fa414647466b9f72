package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/socket"
)

// Client asks the site that a daemon runs. It implements Site.
type Client struct{ http *http.Client }

// Dial makes a client for a daemon's socket.
func Dial(path string) *Client { return &Client{socket.Client(path)} }

// ask sends a request and reads its answer.
func ask[T any](ctx context.Context, c *Client, method string, values url.Values,
	path ...string) (answer T, err error) {
	target := "http://kioskd"
	for _, p := range path { // "." and ".." would lead to another path
		target += "/" + strings.ReplaceAll(url.PathEscape(p), ".", "%2E")
	}
	req, err := http.NewRequestWithContext(ctx, method, target+"?"+values.Encode(), nil)
	if err != nil {
		return answer, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer, fmt.Errorf("cannot reach the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		said := cmp.Or(strings.TrimSpace(string(text)), "the daemon answers "+resp.Status)
		return answer, errors.Join(errors.New(said), err)
	}
	return answer, json.NewDecoder(resp.Body).Decode(&answer)
}

// Status asks the card terminal who it is and how it is.
func (c *Client) Status(ctx context.Context) (kiosk.TerminalStatus, error) {
	return ask[kiosk.TerminalStatus](ctx, c, http.MethodGet, nil, "terminal", "status")
}

// Pending lists the holds that the terminal keeps.
func (c *Client) Pending(ctx context.Context) (PendingHolds, error) {
	return ask[PendingHolds](ctx, c, http.MethodGet, nil, "terminal", "pending")
}

// Release gives back a hold that no session owns.
func (c *Client) Release(ctx context.Context, id kiosk.HoldID) (Released, error) {
	return ask[Released](ctx, c, http.MethodPost, nil, "terminal", "release", string(id))
}

// EndOfDay reconciles the terminal with its host.
func (c *Client) EndOfDay(ctx context.Context, force bool) (DayEnd, error) {
	values := url.Values{}
	if force {
		values.Set("force", "1")
	}
	return ask[DayEnd](ctx, c, http.MethodPost, values, "terminal", "end-of-day")
}

// Scan asks who answers on the site's Modbus lines.
func (c *Client) Scan(ctx context.Context, first, last int) ([]Unit, error) {
	values := url.Values{"from": {strconv.Itoa(first)}, "to": {strconv.Itoa(last)}}
	return ask[[]Unit](ctx, c, http.MethodGet, values, "meters", "scan")
}

// Examine asks every device, and tells the faults that are raised.
func (c *Client) Examine(ctx context.Context) ([]Finding, error) {
	return ask[[]Finding](ctx, c, http.MethodGet, nil, "doctor")
}

// Underway says what is open; a daemon that hangs does not answer.
func (c *Client) Underway(ctx context.Context) (Drained, error) {
	return ask[Drained](ctx, c, http.MethodGet, nil, "drain")
}

// Drain stops or goes on with new business.
func (c *Client) Drain(ctx context.Context, on bool) (Drained, error) {
	values := url.Values{}
	if !on {
		values.Set("off", "1")
	}
	return ask[Drained](ctx, c, http.MethodPost, values, "drain")
}

// Stop ends a running session, by a person's word.
func (c *Client) Stop(ctx context.Context, reference, by string) (Done, error) {
	return ask[Done](ctx, c, http.MethodPost, url.Values{"by": {by}}, "session", reference, "stop")
}

// ClearFault ends a fault that a person has seen to.
func (c *Client) ClearFault(ctx context.Context, code kiosk.FaultCode, bay int, _ string) (Done, error) {
	values := url.Values{"bay": {strconv.Itoa(bay)}}
	return ask[Done](ctx, c, http.MethodPost, values, "fault", string(code), "clear")
}

// Refund writes down money that a person gave back outside of the terminal.
func (c *Client) Refund(ctx context.Context, reference, amount, by, why string) (Refunded, error) {
	values := url.Values{"amount": {amount}, "by": {by}, "why": {why}}
	return ask[Refunded](ctx, c, http.MethodPost, values, "session", reference, "refund")
}

// Office says how things stand with the back office.
func (c *Client) Office(ctx context.Context) (Office, error) {
	return ask[Office](ctx, c, http.MethodGet, nil, "backoffice")
}

// SendAgain sends the records once more that the back office refused.
func (c *Client) SendAgain(ctx context.Context) (Done, error) {
	return ask[Done](ctx, c, http.MethodPost, nil, "backoffice", "again")
}

// TellAgain sends the messages once more that the operator's central system did not take.
func (c *Client) TellAgain(ctx context.Context) (Done, error) {
	return ask[Done](ctx, c, http.MethodPost, nil, "csms", "again")
}

// SendNow sends at once what waits for its time.
func (c *Client) SendNow(ctx context.Context) (Done, error) {
	return ask[Done](ctx, c, http.MethodPost, nil, "backoffice", "now")
}

// ShutBay sells nothing new at a bay, or sells there again.
func (c *Client) ShutBay(ctx context.Context, bay int, shut bool, by string) (Done, error) {
	values := url.Values{"by": {by}}
	if !shut {
		values.Set("off", "1")
	}
	return ask[Done](ctx, c, http.MethodPost, values, "bays", strconv.Itoa(bay), "shut")
}

// Inspect writes down that a person looked at a device for tampering.
func (c *Client) Inspect(ctx context.Context, device, serial, found, by string) (Done, error) {
	values := url.Values{"serial": {serial}, "found": {found}, "by": {by}}
	return ask[Done](ctx, c, http.MethodPost, values, "inspections", device)
}

// Tokens lists the tokens of programs.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return ask[[]Token](ctx, c, http.MethodGet, nil, "tokens")
}

// MakeToken makes a token, which is shown once.
func (c *Client) MakeToken(ctx context.Context, wish Token, by string) (NewToken, error) {
	values := url.Values{"scopes": {strings.Join(wish.Scopes, " ")}, "by": {by}}
	if wish.Until != nil {
		values.Set("until", wish.Until.Format(time.RFC3339))
	}
	return ask[NewToken](ctx, c, http.MethodPost, values, "tokens", wish.Name)
}

// EndToken ends a token.
func (c *Client) EndToken(ctx context.Context, name, by string) (Done, error) {
	return ask[Done](ctx, c, http.MethodDelete, url.Values{"by": {by}}, "tokens", name)
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// UntilDrained has nothing new sold, and waits until nothing is open; told is called with the references of the
// sessions that it waits for, when they change.
func (c *Client) UntilDrained(ctx context.Context, limit time.Duration, told func(waiting string)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := ""
	for {
		d, err := c.Drain(ctx, true)
		if err != nil || len(d.Waiting) == 0 {
			return err
		}
		if now := strings.Join(d.Waiting, ", "); now != last {
			told(now)
			last = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still open after %v: %s; nothing new is sold until drain --off or a restart", limit,
				last)
		case <-time.After(time.Second):
		}
	}
}

// DrainLimit is how long a driver who charges is waited for.
const DrainLimit = 30 * time.Minute
