package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificates are the files that the API server and the proxy present and
// that clients check them by. Both use the same server certificate.
type certificates struct {
	ca, serverCert, serverKey, serviceAccountKey string
}

// certLife is how long the certificates hold. They are made anew when less
// than a quarter of it is left.
const certLife = 365 * 24 * time.Hour

// ensureCertificates returns the certificates in dir and makes them first if
// they are missing or near their end; fresh says that they were made.
func ensureCertificates(dir string) (c certificates, fresh bool, err error) {
	c = certificates{
		ca:                filepath.Join(dir, "ca.crt"),
		serverCert:        filepath.Join(dir, "server.crt"),
		serverKey:         filepath.Join(dir, "server.key"),
		serviceAccountKey: filepath.Join(dir, "service-account.key"),
	}
	if certificatesHold(c) {
		return c, false, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, false, err
	}
	return c, true, makeCertificates(c)
}

// certificatesHold says whether all files are there and the server's
// certificate is valid for a good while yet.
func certificatesHold(c certificates) bool {
	for _, path := range []string{c.ca, c.serverKey, c.serviceAccountKey} {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	data, err := os.ReadFile(c.serverCert)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return err == nil && time.Until(cert.NotAfter) > certLife/4
}

func makeCertificates(c certificates) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	accountKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// An hour of slack for clocks that were set back.
	from := time.Now().Add(-time.Hour)
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "breakwater test cluster"},
		NotBefore:             from,
		NotAfter:              from.Add(certLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    from,
		NotAfter:     from.Add(certLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, ca, serverKey.Public(), caKey)
	if err != nil {
		return err
	}
	// The authority's key is not kept: nothing else will ever be signed.
	return errors.Join(
		writePEM(c.serviceAccountKey, accountKey),
		writePEM(c.serverKey, serverKey),
		writeFile(c.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o644),
		writeFile(c.serverCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverDER}), 0o644),
	)
}

func writePEM(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// newToken returns a bearer token nobody can guess.
func newToken() string {
	var random [16]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process rather than return an error
	return hex.EncodeToString(random[:])
}
