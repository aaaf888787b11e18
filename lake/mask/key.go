// Package mask hides personal data: SQL expressions that turn a value into a keyed
// token or a coarser value, and detectors that say which columns hold personal data.
//
// # Tokens
//
// A token is HMAC-SHA256(key, "token" 0x00 domain 0x00 value), of which the first
// 128 bits are kept as 32 hex digits. DuckDB has sha256 but no HMAC, so it is composed
// as RFC 2104 says, from two hashes over prepared blocks:
//
//	sha256(opad || unhex(sha256(ipad || message)))
//
// ipad and opad are the key, padded to 64 bytes, XORed with 0x36 and 0x5c. They reach
// the engine as query arguments and so appear in no SQL text, plan or error. Tests
// compare with crypto/hmac. The key is the project's, so one value has one token in
// all tables of a project, which keeps joins, and another in every other project.
//
// The value is the column's text: 12657 as a number and "12657" as a text have the
// same token, and so has the floating-point number 12657.0.
package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Key holds the two blocks that HMAC prepares from a secret. It prints as nothing.
type Key struct{ inner, outer []byte }

// NewKey prepares a secret. An empty one gives a key for which OK is false.
func NewKey(secret []byte) Key {
	if len(secret) == 0 {
		return Key{}
	}
	if len(secret) > sha256.BlockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	k := Key{make([]byte, sha256.BlockSize), make([]byte, sha256.BlockSize)}
	copy(k.inner, secret)
	copy(k.outer, secret)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// OK reports whether there is a secret.
func (k Key) OK() bool { return len(k.inner) > 0 }

// Args returns the query arguments that Token and Shift refer to: inner, outer.
func (k Key) Args() (inner, outer []byte) { return k.inner, k.outer }

// String and GoString keep the key out of logs.
func (k Key) String() string   { return "mask.Key(hidden)" }
func (k Key) GoString() string { return k.String() }

// TokenOf computes in Go what Token computes in SQL; Go code that must look up a
// masked value (a request by patient id) uses it.
func TokenOf(secret []byte, domain, value string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("token\x00" + domain + "\x00" + value))
	return hex.EncodeToString(h.Sum(nil))[:tokenDigits]
}

const tokenDigits = 32
