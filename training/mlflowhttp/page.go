package mlflowhttp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// A page token says how far a search has come and which search it was.

func token(offset int, search any) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset) + ":" + fingerprint(search)))
}

// offset reads a token; an empty one is the beginning.
func offset(tok string, search any) (int, error) {
	if tok == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(tok)
	at, of, ok := strings.Cut(string(b), ":")
	n, aerr := strconv.Atoi(at)
	if err != nil || aerr != nil || !ok || n < 0 || n > 1<<40 {
		return 0, invalid("page_token is not one that this server gave")
	}
	if of != fingerprint(search) {
		return 0, invalid("page_token belongs to another search: begin again without it")
	}
	return n, nil
}

func fingerprint(search any) string {
	b, _ := json.Marshal(search)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// page cuts a list that is in memory.
func page[T any](all []T, from, limit int, search any) ([]T, string) {
	all = all[min(from, len(all)):]
	if len(all) > limit {
		return all[:limit], token(from+limit, search)
	}
	return all, ""
}

// most checks max_results: fallback where none was given.
func most(n whole, fallback, limit int) (int, error) {
	switch {
	case n == 0:
		return fallback, nil
	case n < 0 || int64(n) > int64(limit):
		return 0, invalid("max_results %d: want 1 to %d", n, limit)
	}
	return int(n), nil
}
