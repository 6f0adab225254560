package sts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const thumbprintHash = crypto.SHA256

// NewKey makes a key pair for a simulated client: the private JWK as JSON, and the public one.
func NewKey() (private string, public jose.JSONWebKey, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", public, fmt.Errorf("make a key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "sim", Algorithm: string(jose.ES256), Use: "sig"}
	raw, err := json.Marshal(jwk)
	if err != nil {
		return "", public, fmt.Errorf("make a key: %w", err)
	}
	return string(raw), jwk.Public(), nil
}
