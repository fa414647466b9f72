package receiver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd/backoffice"
)

// Office is the folder of a small back office: an authority of its own, the server's
// certificate, the key that signs checkpoints and instructions, the database.
type Office struct {
	Dir    string
	Signer note.Signer
	Public string // of the signing key: what a kiosk's configuration names
}

// OpenOffice opens a folder, and makes what is missing in it. hosts are the names and addresses
// under which kiosks reach the server.
func OpenOffice(dir string, hosts []string) (*Office, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make folder: %w", err)
	}
	h := &Office{Dir: dir}
	secret, err := os.ReadFile(h.path("office.key"))
	if errors.Is(err, fs.ErrNotExist) {
		var text string
		text, _, err = backoffice.NewKey("backoffice")
		if err == nil {
			secret = []byte(text + "\n")
			err = os.WriteFile(h.path("office.key"), secret, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open signing key: %w", err)
	}
	h.Signer, h.Public, err = backoffice.OfSecret(strings.TrimSpace(string(secret)))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(h.path("ca.pem")); errors.Is(err, fs.ErrNotExist) {
		if err := h.makeAuthority(); err != nil {
			return nil, err
		}
	}
	return h, h.issue(h.path("server"), "backoffice", hosts, x509.ExtKeyUsageServerAuth)
}

func (h *Office) path(name string) string { return filepath.Join(h.Dir, name) }

// Database is where the receiver's is.
func (h *Office) Database() string { return Database(h.Dir) }

// Database is where the one of a folder is.
func Database(dir string) string { return filepath.Join(dir, "backoffice.db") }

// TLS is the server's configuration: TLS 1.3, and a certificate of our authority from each client.
func (h *Office) TLS() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(h.path("server.pem"), h.path("server.key"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the server's certificate: %w", err)
	}
	authority, err := os.ReadFile(h.path("ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert}, nil
}

// Enroll issues a kiosk's certificate and returns the folder with its files: ca.pem, kiosk.pem,
// kiosk.key.
func (h *Office) Enroll(kiosk string) (string, error) {
	if err := backoffice.CheckID(kiosk); err != nil {
		return "", fmt.Errorf("kiosk id %w", err)
	}
	dir := filepath.Join(h.Dir, "kiosks", kiosk)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot enroll: %w", err)
	}
	authority, err := os.ReadFile(h.path("ca.pem"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ca.pem"), authority, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("cannot enroll: %w", err)
	}
	return dir, h.issue(filepath.Join(dir, "kiosk"), kiosk, nil, x509.ExtKeyUsageClientAuth)
}

// Lifetimes of certificates.
const (
	authorityLasts   = 20 * 365 * 24 * time.Hour
	certificateLasts = 2 * 365 * 24 * time.Hour
	backdated        = time.Hour // for clocks that are behind
)

func template(name string, lasts time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-backdated), NotAfter: time.Now().Add(lasts),
		KeyUsage: x509.KeyUsageDigitalSignature}, nil
}

func (h *Office) makeAuthority() error {
	t, err := template("kioskd back office authority", authorityLasts)
	if err != nil {
		return err
	}
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return save(h.path("ca"), t, t, key, key)
}

// issue makes a certificate and its key, unless there is one that lasts.
func (h *Office) issue(path, name string, hosts []string, use x509.ExtKeyUsage) error {
	if lasting(path+".pem", hosts) {
		return nil
	}
	authority, err := tls.LoadX509KeyPair(h.path("ca.pem"), h.path("ca.key"))
	if err != nil {
		return fmt.Errorf("cannot read the authority: %w", err)
	}
	t, err := template(name, certificateLasts)
	if err != nil {
		return err
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{use}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signer, ok := authority.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("the authority's key is of another kind")
	}
	return save(path, t, authority.Leaf, key, signer)
}

// lasting tells whether a certificate is good for a month more, and for all hosts.
func lasting(path string, hosts []string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	for _, host := range hosts {
		if err == nil {
			err = c.VerifyHostname(host)
		}
	}
	return err == nil && time.Until(c.NotAfter) > 30*24*time.Hour
}

func save(path string, t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	certificate, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return fmt.Errorf("cannot make certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("cannot make certificate: %w", err)
	}
	for name, block := range map[string]*pem.Block{path + ".key": {Type: "PRIVATE KEY", Bytes: secret},
		path + ".pem": {Type: "CERTIFICATE", Bytes: certificate}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			return fmt.Errorf("cannot keep certificate: %w", err)
		}
	}
	return nil
}
