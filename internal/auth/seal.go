package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
)

// hash is HMAC-SHA256 of a text, with a key for one use alone.
func hash(key []byte, use, text string) []byte {
	k := hmac.New(sha256.New, key)
	k.Write([]byte(use))
	h := hmac.New(sha256.New, k.Sum(nil))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// hashed is "" for "", and otherwise the hash in hexadecimal.
func (s *Service) hashed(use, text string) string {
	if text == "" {
		return ""
	}
	return hex.EncodeToString(hash(s.key, use, text))
}

func (s *Service) aead(use string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(hash(s.key, "seal "+use, ""))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal packs a value so that only we can read it, and only for this use and place.
func (s *Service) seal(use, place string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	a, err := s.aead(use)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize())
	if _, err := io.ReadFull(s.Random, nonce); err != nil {
		return nil, err
	}
	return a.Seal(nonce, nonce, plain, []byte(place)), nil
}

var errSeal = errors.New("the seal is broken")

func (s *Service) unseal(use, place string, sealed []byte, v any) error {
	a, err := s.aead(use)
	if err != nil {
		return err
	}
	if len(sealed) < a.NonceSize() {
		return errSeal
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(place))
	if err != nil {
		return errSeal
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return errSeal
	}
	return nil
}

// random is 256 bits that nobody can guess, as text for addresses and cookies.
func (s *Service) random() (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
