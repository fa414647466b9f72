package ocpp

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kioskd/ocpp/v16"
)

// comesBack is how long a charger may take to connect with a password that it was given.
const comesBack = 2 * time.Minute

// GivePassword writes a password into a charger that connects without one (OCPP 1.6 security whitepaper, A00;
// SecurityCtrlr.BasicAuthPassword of 2.x), has it connect again, and waits until it comes with it. Where it does not,
// that is an error, and the charger may have the password or not.
func (s *Server) GivePassword(ctx context.Context, id, password string) error {
	c, ok := s.chargers[id]
	if !ok {
		return fmt.Errorf("charger %s is not known", id)
	}
	c.mu.Lock()
	conn, m := c.conn, v16.ChangeConfiguration{Key: "AuthorizationKey", Value: hexOf(password)}
	if c.v2 {
		m = v16.ChangeConfiguration{Key: "SecurityCtrlr.BasicAuthPassword", Value: password}
	}
	c.mu.Unlock()
	if conn == nil {
		return errAway
	}
	var result v16.CommandResult
	if err := c.call(ctx, v16.ActionChangeConfiguration, m, &result); err != nil {
		return err
	}
	if result.Status != v16.ResultAccepted && result.Status != v16.ResultRebootRequired {
		return fmt.Errorf("%s was answered %s", m.Key, result.Status)
	}
	conn.Close("connect again with the password")
	for end := time.Now().Add(comesBack); ; {
		c.mu.Lock()
		came := c.conn != nil && c.conn != conn && same(c.came, password)
		c.mu.Unlock()
		switch {
		case came:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("the charger did not come back with its password within %v", comesBack)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// hexOf is a password as AuthorizationKey has it.
func hexOf(password string) string { return strings.ToUpper(hex.EncodeToString([]byte(password))) }

// same tells whether a charger sent a password: as it is, or, as some firmwares do, in the digits of AuthorizationKey.
func same(sent, password string) bool {
	plain := subtle.ConstantTimeCompare([]byte(sent), []byte(password))
	digits := subtle.ConstantTimeCompare([]byte(strings.ToUpper(sent)), []byte(hexOf(password)))
	return plain|digits == 1
}

// passwordOf is the password that a charger connects with.
func passwordOf(r *http.Request) string {
	_, password, _ := r.BasicAuth()
	return password
}
