package features

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"aiforge.dev/forge"
)

// longestTTL keeps times plus or minus a TTL inside what 64 bits of microseconds hold.
const longestTTL = 100 * 366 * 24 * time.Hour

// ParseTTL reads a TTL: the units of Go durations and d for days of 24 hours, as in
// "30d", "12h" or "1d12h". Empty and zero mean no limit and give 0.
func ParseTTL(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		days, rest = "", s
	}
	var ttl time.Duration
	if found {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || time.Duration(n) > longestTTL/(24*time.Hour) {
			return 0, badTTL(s, err)
		}
		ttl = time.Duration(n) * 24 * time.Hour
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > longestTTL-ttl {
			return 0, badTTL(s, err)
		}
		ttl += d
	}
	return ttl.Truncate(time.Microsecond), nil
}

func badTTL(s string, cause error) error {
	return forge.Errorf(forge.KindInvalid, cause, "ttl %q: want a number with a unit, at most 100 years, for example 30d, 12h or 1d12h", s)
}

// Source is the SELECT whose rows are the view's.
func (v View) Source() string {
	if v.SQL != "" {
		return v.SQL
	}
	return "SELECT * FROM " + v.Table.String()
}

// HashOf is the identity of a definition: equal ones have equal hashes.
func HashOf(v View, e Entity) string {
	b, err := json.Marshal(struct {
		View   View
		Entity Entity
	}{v, e})
	if err != nil { // strings, slices and bools only
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Ref names the version.
func (v Version) Ref() ViewRef { return ViewRef{v.View.Name, v.Number} }

// TTL is the view's TTL; 0 means no limit. It was checked when the version was made.
func (v Version) TTL() time.Duration {
	ttl, _ := ParseTTL(v.View.TTL)
	return ttl
}

// String is "view@3", or "view" for the newest version.
func (r ViewRef) String() string {
	if r.Version == 0 {
		return r.View
	}
	return r.View + "@" + strconv.Itoa(r.Version)
}

// ParseViewRef reads "view" (Version 0: the newest) or "view@3".
func ParseViewRef(s string) (ViewRef, error) {
	name, num, pinned := strings.Cut(s, "@")
	if err := forge.Ident("view", name); err != nil {
		return ViewRef{}, err
	}
	if !pinned {
		return ViewRef{View: name}, nil
	}
	n, err := strconv.ParseUint(num, 10, 31)
	if err != nil || n == 0 {
		return ViewRef{}, forge.Errorf(forge.KindInvalid, err, "view %q: after @ comes a version number, for example %s@1", s, name)
	}
	return ViewRef{name, int(n)}, nil
}

var statusNames = [...]string{Present: "present", Null: "null", NotFound: "not_found", Expired: "expired"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// MarshalText makes a Status its name in JSON.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
