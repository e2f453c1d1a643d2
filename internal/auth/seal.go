package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"farley/internal/id"
)

// seal encrypts a successor under a key that only the old token gives, so that who reads the database learns neither.
func seal(successor, old refreshToken, sessionID id.ID) ([]byte, error) {
	aead, err := sealer(old)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, successor[:], sessionID[:]), nil // the AEAD chooses the nonce
}

func unseal(sealed []byte, old refreshToken, sessionID id.ID) (refreshToken, error) {
	var t refreshToken
	aead, err := sealer(old)
	if err != nil {
		return t, err
	}
	plain, err := aead.Open(nil, nil, sealed, sessionID[:])
	if err != nil || len(plain) != len(t) {
		return t, errors.New("the sealed successor of a refresh token cannot be opened")
	}
	copy(t[:], plain)
	return t, nil
}

func sealer(old refreshToken) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, old[:], nil, "farley/refresh-successor", 32)
	if err != nil {
		return nil, fmt.Errorf("derive sealing key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make sealing cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
