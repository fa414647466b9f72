package backoffice

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Streams and subjects of a NATS JetStream that stands between kiosks and who checks, signs
// and keeps. A kiosk has one subject in each: it publishes batches to the first, and reads the
// last answer from the second.
const (
	JournalStream = "KIOSKD_JOURNAL"
	AnswerStream  = "KIOSKD_ANSWER"

	journalSubject = "kioskd.v1.journal."
	answerSubject  = "kioskd.v1.answer."

	epochHeader = "Kioskd-Epoch"
	seqHeader   = "Kioskd-Seq" // everything up to it is in the stream, once the message is
)

// JournalSubject is where a kiosk's batches are; all kiosks' with ">".
func JournalSubject(kiosk string) string { return journalSubject + kiosk }

// AnswerSubject is where the last answer to a kiosk is.
func AnswerSubject(kiosk string) string { return answerSubject + kiosk }

// InboxPrefix is of the subjects at which a kiosk hears replies.
func InboxPrefix(kiosk string) string { return "_INBOX_kioskd_" + strings.ReplaceAll(kiosk, ".", "_") }

// JetStream publishes batches, one in flight, each only where it follows the kiosk's last one:
// so that none is there twice, and none before another, whichever server died meanwhile.
//
// What a stream acknowledged may not be on a disk yet, depending on how its servers are set
// up; what was checked and signed is. Kiosks thin records only after that. Where who checks has
// taken every message, and still lacks records, they are published again.
type JetStream struct {
	servers     string
	kiosk       string
	credentials string // file with a user's JWT and NKey; empty for none
	tls         *tls.Config
	trusted     func() bool
	meter       meter

	mu   sync.Mutex
	conn *nats.Conn
	js   jetstream.JetStream
	last *position // nil: to be asked for

	stop atomic.Pointer[context.CancelCauseFunc] // of what is being sent
}

// position is what the stream has of this kiosk.
type position struct {
	stream uint64 // number of the subject's last message; 0 without one
	epoch  string
	seq    int64
}

// NewJetStream makes a sink for NATS servers (tls://host:port, separated by commas).
func NewJetStream(servers, kiosk, credentials string, config *tls.Config, trusted func() bool) *JetStream {
	return &JetStream{servers: servers, kiosk: kiosk, credentials: credentials, tls: config, trusted: trusted}
}

// Traffic implements Sink.
func (j *JetStream) Traffic() Traffic { return j.meter.read() }

// Close implements Sink.
func (j *JetStream) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.drop()
	return nil
}

func (j *JetStream) drop() {
	if j.conn != nil {
		j.conn.Close()
	}
	j.conn, j.js, j.last = nil, nil, nil
}

// Dial implements nats.CustomDialer.
func (j *JetStream) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial(network, address)
	return j.meter.count(c), err
}

// connect makes a connection that does not come back by itself: the next that sends makes
// another one, and says what went wrong.
func (j *JetStream) connect() error {
	if j.conn != nil && j.conn.IsConnected() {
		return nil
	}
	j.drop()
	options := []nats.Option{nats.Secure(j.tls.Clone()), nats.CustomInboxPrefix(InboxPrefix(j.kiosk)),
		nats.NoReconnect(), nats.Timeout(30 * time.Second),
		nats.PingInterval(10 * time.Minute), nats.Name("kioskd " + j.kiosk), nats.SetCustomDialer(j),
		// what is not allowed would get no answer for ever
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if stop := j.stop.Load(); stop != nil {
				(*stop)(err)
			}
		})}
	if j.credentials != "" {
		if _, err := os.ReadFile(j.credentials); err != nil {
			return &ownCertificate{err}
		}
		options = append(options, nats.UserCredentials(j.credentials))
	}
	conn, err := nats.Connect(j.servers, options...)
	if err != nil {
		return err
	}
	j.conn = conn
	j.js, err = jetstream.New(conn)
	return err
}

// Send implements Sink.
func (j *JetStream) Send(ctx context.Context, b Batch) (Answer, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	j.stop.Store(&stop)
	a, err := j.send(ctx, b)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		j.drop()
		return a, j.diagnose(err)
	}
	return a, nil
}

func (j *JetStream) send(ctx context.Context, b Batch) (Answer, error) {
	if err := j.connect(); err != nil {
		return Answer{}, err
	}
	answer := make(chan error, 1)
	var theirs Answer
	go func() {
		var err error
		theirs, err = j.answer(ctx)
		answer <- err
	}()
	err := j.publish(ctx, b)
	if err := errors.Join(err, <-answer); err != nil {
		return Answer{}, err
	}
	if theirs.Epoch != b.Epoch { // of the card before: what it wants done still counts
		theirs = Answer{Instructions: theirs.Instructions}
	} else if theirs.Conflict == "" && theirs.Stream >= j.last.stream && theirs.Seq < j.last.seq {
		j.last.seq = theirs.Seq // it took all messages, and lacks records
	}
	theirs.Epoch, theirs.Seq, theirs.Later = b.Epoch, j.last.at(b.Epoch), true
	theirs.Time = time.Time{} // it may be of long ago
	return theirs, nil
}

// at is up to where the stream has an epoch's records.
func (p *position) at(epoch string) int64 {
	if p.epoch != epoch {
		return 0
	}
	return p.seq
}

// tries is how often the stream is asked again where another process seems to have published.
const tries = 20

func (j *JetStream) publish(ctx context.Context, b Batch) error {
	for n := range tries {
		if j.last == nil {
			if err := j.locate(ctx); err != nil {
				return err
			}
		}
		have := j.last.at(b.Epoch)
		if len(b.Leaves) == 0 || !b.Again && (b.Last() <= have || b.Leaves[0].Seq > have+1) { // the answer says so
			return nil
		}
		err := j.put(ctx, b, max(have, b.Last()))
		var api *jetstream.APIError
		if err == nil || !errors.As(err, &api) || api.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
			return err
		}
		// A replica that has not caught up told an old number, or our last try did arrive.
		j.last = nil
		timer := time.NewTimer(time.Duration(n*n) * 10 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	return trouble(Conflict, "another kiosk publishes as %s", j.kiosk)
}

func (j *JetStream) put(ctx context.Context, b Batch, seq int64) error {
	body, err := b.Encode()
	if err != nil {
		return err
	}
	if int64(len(body)) > j.conn.MaxPayload() {
		return trouble(Refused, "%w: %d bytes", ErrTooLarge, len(body))
	}
	m := nats.NewMsg(JournalSubject(j.kiosk))
	m.Data = body
	m.Header.Set(epochHeader, b.Epoch)
	m.Header.Set(seqHeader, strconv.FormatInt(seq, 10))
	ack, err := j.js.PublishMsg(ctx, m, jetstream.WithExpectStream(JournalStream),
		jetstream.WithExpectLastSequencePerSubject(j.last.stream))
	if err != nil {
		return err
	}
	j.last = &position{ack.Sequence, b.Epoch, seq}
	return nil
}

// direct reads the last message of a subject; nil where there is none.
func (j *JetStream) direct(ctx context.Context, stream, subject string) (*nats.Msg, error) {
	m, err := j.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+subject, nil)
	if err != nil {
		return nil, err
	}
	switch status := m.Header.Get("Status"); status {
	case "":
		return m, nil
	case "404":
		return nil, nil
	default:
		return nil, trouble(Refused, "%s: %s %s", stream, status, m.Header.Get("Description"))
	}
}

// locate asks what the stream has.
func (j *JetStream) locate(ctx context.Context) error {
	m, err := j.direct(ctx, JournalStream, JournalSubject(j.kiosk))
	if err != nil {
		return err
	}
	p := new(position)
	if m != nil {
		stream, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return trouble(Refused, "cannot understand the stream's number of a message: %w", err)
		}
		seq, err := strconv.ParseInt(m.Header.Get(seqHeader), 10, 64)
		if err != nil {
			return trouble(Refused, "cannot understand who published as %s before: %w", j.kiosk, err)
		}
		*p = position{stream, m.Header.Get(epochHeader), seq}
	}
	j.last = p
	return nil
}

// answer is the last one, of the server that checks and keeps.
func (j *JetStream) answer(ctx context.Context) (a Answer, err error) {
	m, err := j.direct(ctx, AnswerStream, AnswerSubject(j.kiosk))
	if err != nil || m == nil {
		return a, err
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, trouble(Refused, "cannot understand the answer: %w", err)
	}
	return a, nil
}

// diagnose says what went wrong on the way.
func (j *JetStream) diagnose(err error) error {
	var t *Trouble
	if errors.As(err, &t) {
		return err
	}
	class := classify(err, j.trusted)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired),
		errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrPermissionViolation),
		strings.Contains(err.Error(), "credentials"):
		class = Client
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse),
		errors.As(err, new(*jetstream.APIError)):
		class = Server
	}
	return &Trouble{Class: class, Err: fmt.Errorf("NATS: %w", err)}
}
