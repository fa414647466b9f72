package csms

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	name := fmt.Sprintf("%s-%s.json.gz", s.c.Identity, s.c.Now().UTC().Format("20060102T150405Z"))
	s.later(func(ctx context.Context) {
		s.tellLog(ctx, v2.LogStatus{Status: "Uploading", Request: m.Request})
		var err error
		for n := 0; n <= m.Retries; n++ {
			if n > 0 && !wait(ctx, max(time.Second, time.Duration(m.Interval)*time.Second)) {
				break
			}
			err = s.upload(ctx, m.Log.URL, name)
			if err == nil {
				break
			}
			s.c.Log.Warn("log was not put where the operator wants it", "error", err)
		}
		last := v2.LogStatus{Status: "Uploaded", Request: m.Request}
		if err != nil {
			last.Status, last.Why = "UploadFailure", &v2.Why{Code: "InternalError", Text: shortened(err.Error())}
		}
		s.tellLog(ctx, last)
	})
	return v2.LogAnswer{Status: v2.Accepted, File: name}, nil
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
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: s.c.TLS, Proxy: http.ProxyFromEnvironment},
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
