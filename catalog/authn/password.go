package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"aiforge.dev/forge"
	"golang.org/x/crypto/argon2"
)

// Cost is what one password check takes: argon2id with Memory KiB, Time passes and
// Threads lanes.
type Cost struct {
	Memory  uint32
	Time    uint32
	Threads uint8
}

// DefaultCost is the second choice of RFC 9106, section 4: 64 MiB, three passes.
var DefaultCost = Cost{Memory: 64 << 10, Time: 3, Threads: 4}

// hasher bounds how many checks run at a time, so that sign-ins cannot exhaust the
// memory, and how many wait, so that they cannot pile up.
type hasher struct {
	cost  Cost
	slots chan struct{}
	queue chan struct{}
}

const (
	atATime   = 2
	inQueue   = 32
	saltBytes = 16
	keyBytes  = 32
)

func newHasher(c Cost) *hasher {
	return &hasher{cost: c, slots: make(chan struct{}, atATime), queue: make(chan struct{}, inQueue)}
}

// bounded runs f when it is its turn.
func (h *hasher) bounded(ctx context.Context, f func()) error {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return forge.Errorf(forge.KindUnavailable, nil, "too many sign-ins at this moment; try again in a few seconds")
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f()
	return nil
}

// hash returns the password's hash in PHC form, with its cost and salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:])
	var key []byte
	err := h.bounded(ctx, func() {
		key = argon2.IDKey([]byte(password), salt[:], h.cost.Time, h.cost.Memory, h.cost.Threads, keyBytes)
	})
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.Memory, h.cost.Time, h.cost.Threads, enc.EncodeToString(salt[:]), enc.EncodeToString(key)), err
}

// verify reports whether password is the one that was hashed, and whether the hash
// should be made anew because its cost is not today's.
func (h *hasher) verify(ctx context.Context, password, phc string) (ok, old bool, err error) {
	c, salt, want, good := parsePHC(phc)
	if !good {
		return false, false, fmt.Errorf("a stored password hash is damaged")
	}
	err = h.bounded(ctx, func() {
		got := argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, uint32(len(want)))
		ok = subtle.ConstantTimeCompare(got, want) == 1
	})
	return ok, c != h.cost, err
}

// parsePHC reads a hash. Its cost is bounded: the store must not be able to make a
// sign-in take all memory.
func parsePHC(phc string) (c Cost, salt, key []byte, ok bool) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil {
		return c, nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	ok = err1 == nil && err2 == nil && len(salt) >= 8 && len(key) >= 16 &&
		c.Memory >= 8*uint32(c.Threads) && c.Memory <= 1<<20 && c.Time >= 1 && c.Time <= 16 && c.Threads >= 1
	return c, salt, key, ok
}

// checkPassword holds what ASVS 5.0 asks of a new password: long enough, not absurd,
// no rule about its characters.
func checkPassword(password, email string) error {
	n := utf8.RuneCountInString(password)
	reason := ""
	switch {
	case n < 10:
		reason = "want at least 10 characters"
	case len(password) > 256:
		reason = "want at most 256 bytes"
	case strings.EqualFold(password, email):
		reason = "must not be the address"
	case strings.Count(password, password[:1]) == len(password):
		reason = "must not be one character repeated"
	}
	if reason == "" {
		return nil
	}
	return forge.Errorf(forge.KindInvalid, nil, "password: %s", reason).With(forge.FieldError{Path: "password", Text: reason})
}

// NewPassword makes a password to be shown once: 100 random bits in five readable
// groups, without characters that look alike.
func NewPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789" // 31; 20 of them are 99 bits
	var b strings.Builder
	for i := range 20 {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[randomBelow(len(letters))])
	}
	return b.String()
}

// randomBelow is uniform: bytes over the last multiple of n are thrown away.
func randomBelow(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:])
		if int(b[0]) < 256/n*n {
			return int(b[0]) % n
		}
	}
}
