package file

import "crypto/tls"

// ServerTLS is what a server answers with: nil where no certificate is named. The files are read again with each
// connection, so that a certificate may be renewed.
func ServerTLS(certificate, key string) (*tls.Config, error) {
	if certificate == "" {
		return nil, nil
	}
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(certificate, key)
		return &c, err
	}
	_, err := read(nil)
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: read}, err
}
