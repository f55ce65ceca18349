package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// What both sides know of the handshake; plugin.proto says what it means.
const (
	Version           = 1
	CookieVariable    = "TIMBOT_PLUGIN"
	Cookie            = "1b7e5a40-plugin"
	CertVariable      = "PLUGIN_CLIENT_CERT"
	SocketDirVariable = "PLUGIN_UNIX_SOCKET_DIR"

	MaxMessage = 4 << 20 // bytes of a message of gRPC
	MaxPayload = 1 << 20 // bytes of JSON in it
)

// NewCertificate makes a key and a certificate for localhost that signs itself. P-256, and not go-plugin's P-521, which the TLS
// of many a gRPC library does not take.
func NewCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		// It is good as long as the process lives, which no clock says.
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
