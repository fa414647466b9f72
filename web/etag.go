package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// gathered is an answer that is not sent yet.
type gathered struct {
	http.ResponseWriter
	body   bytes.Buffer
	status int
}

func (g *gathered) Write(b []byte) (int, error) { return g.body.Write(b) }
func (g *gathered) WriteHeader(status int)      { g.status = status }

// tagged gives each good answer an ETag, the hash of what it says, and answers a request that has it already
// (If-None-Match, RFC 9110, section 13.1.2) by 304 and nothing else.
func tagged(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g := &gathered{ResponseWriter: w, status: http.StatusOK}
		h(g, r)
		if g.status == http.StatusOK {
			sum := sha256.Sum256(g.body.Bytes())
			tag := `"` + hex.EncodeToString(sum[:16]) + `"`
			w.Header().Set("ETag", tag)
			if had(r.Header.Get("If-None-Match"), tag) {
				w.Header().Del("Content-Type")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(g.status)
		w.Write(g.body.Bytes()) // an error here is the connection's
	}
}

// had tells whether a list of tags has one, compared weakly.
func had(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
		if t == tag || t == "*" {
			return true
		}
	}
	return false
}
