package csms

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kioskd/ocpp/v2"
)

// log puts what a technician asks for at an address (N01): only by https, and only where the site allows it.
func (s *Station) log(_ context.Context, m v2.GetLog) (any, error) {
	switch {
	case m.Type != "DiagnosticsLog" && m.Type != "SecurityLog":
		return v2.LogAnswer{Status: v2.Rejected, Why: &v2.Why{Code: "UnsupportedParam",
			Text: m.Type + " is not kept"}}, nil
	case !strings.HasPrefix(m.Log.URL, "https://"):
		return v2.LogAnswer{Status: v2.Rejected, Why: &v2.Why{Code: "UnsupportedParam",
			Text: "a log goes by https alone"}}, nil
	}
	if err := s.c.Site.MayUpload(m.Log.URL); err != nil {
		return v2.LogAnswer{Status: v2.Rejected, Why: &v2.Why{Code: "NotEnabled", Text: shortened(err.Error())}}, nil
	}
	retries := min(max(0, m.Retries), mostRetries)
	name := fmt.Sprintf("%s-%s.json.gz", s.c.Identity, s.c.Now().UTC().Format("20060102T150405Z"))
	queued := s.later(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, uploadWithin)
		defer cancel()
		s.tellLog(ctx, v2.LogStatus{Status: "Uploading", Request: m.Request})
		var err error
		for n := 0; n <= retries; n++ {
			pause := time.Duration(m.Interval) * time.Second
			if n > 0 && !wait(ctx, min(max(time.Second, pause), longestRetry)) {
				break
			}
			err = s.upload(ctx, m.Log.URL, name)
			if err == nil {
				break
			}
			err = withoutQuery(err)
			s.c.Log.Warn("log was not put where the operator wants it", "error", err)
		}
		last := v2.LogStatus{Status: "Uploaded", Request: m.Request}
		if err != nil {
			last.Status, last.Why = "UploadFailure", &v2.Why{Code: "InternalError", Text: shortened(err.Error())}
		}
		s.tellLog(ctx, last)
	})
	if !queued {
		return v2.LogAnswer{Status: v2.Rejected, Why: &v2.Why{Code: errBusy.Code, Text: errBusy.Text}}, nil
	}
	return v2.LogAnswer{Status: v2.Accepted, File: name}, nil
}

// How long a log is tried: what an operator asks for must not keep the kiosk busy for hours.
const (
	mostRetries  = 5
	longestRetry = time.Minute
	uploadWithin = 5 * time.Minute
)

// withoutQuery is an error without what is secret in the address that it is of: the signature of an upload.
func withoutQuery(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return fmt.Errorf("%s: %w", of.Op, of.Err)
	}
	return err
}

func (s *Station) tellLog(ctx context.Context, m v2.LogStatus) {
	if err := s.call(ctx, v2.ActionLogStatus, m, nil); err != nil {
		s.c.Log.Warn("operator did not take the status of a log", "error", err)
	}
}

// upload puts the log at an address: the file itself, or into the folder that it names.
func (s *Station) upload(ctx context.Context, address, name string) error {
	text, err := s.c.Site.Log(ctx)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		return err
	}
	if strings.HasSuffix(address, "/") {
		address += name
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, address, &packed)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/gzip")
	var secure *tls.Config // the operator's certificate is for the operator alone
	if s.c.TLS != nil {
		secure = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.c.TLS.RootCAs}
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: secure, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it points to another address, which the site did not allow")
		}}
	defer web.CloseIdleConnections()
	got, err := web.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(got.Body, 64<<10)); err != nil {
		return err
	}
	if got.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", got.Status)
	}
	return nil
}
