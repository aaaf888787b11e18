package mask_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"aiforge.dev/forge/lake/mask"
	_ "github.com/duckdb/duckdb-go/v2"
)

func duck(t testing.TB) *sql.DB {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var places = mask.Params{Inner: "$1", Outer: "$2"}

// TestTokenIsHMAC compares the token that DuckDB computes from two hashes with
// crypto/hmac, for keys around the block size of 64 bytes.
func TestTokenIsHMAC(t *testing.T) {
	db := duck(t)
	q := "SELECT " + mask.Token("$3::VARCHAR", "d'omain", "p_", places)
	for _, n := range []int{1, 31, 32, 63, 64, 65, 200} {
		secret := []byte(strings.Repeat("k", n-1) + "\x00")
		inner, outer := mask.NewKey(secret).Args()
		for _, v := range []string{"", "P01", "12657", "it's", "ünï😀", strings.Repeat("long ", 100), `\x00`, "a\\b"} {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte("token\x00d'omain\x00" + v))
			want := "p_" + hex.EncodeToString(h.Sum(nil))[:32]
			var got string
			if err := db.QueryRow(q, inner, outer, v).Scan(&got); err != nil || got != want {
				t.Errorf("key of %d bytes, %q: %s, %v; want %s", n, v, got, err, want)
			}
			if inGo := "p_" + mask.TokenOf(secret, "d'omain", v); inGo != want {
				t.Errorf("TokenOf %q = %s, want %s", v, inGo, want)
			}
		}
	}
}

func TestTokensOfProjectsAndDomainsDiffer(t *testing.T) {
	a, b := []byte("secret of one project"), []byte("secret of another one")
	tokens := map[string]bool{
		mask.TokenOf(a, "", "7"): true, mask.TokenOf(b, "", "7"): true,
		mask.TokenOf(a, "order", "7"): true, mask.TokenOf(a, "orde", "r7"): true,
	}
	if len(tokens) != 4 {
		t.Errorf("tokens collide: %v", tokens)
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	k := mask.NewKey([]byte("hunter2"))
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, k); s != "mask.Key(hidden)" {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if mask.NewKey(nil).OK() || !k.OK() {
		t.Error("OK is wrong")
	}
}

func TestShiftIsTheEntitysOwn(t *testing.T) {
	db := duck(t)
	inner, outer := mask.NewKey([]byte("secret")).Args()
	rows, err := db.Query("SELECT p, "+mask.Shift("p", "", 10, places)+" FROM (SELECT 'P' || (i % 200) AS p FROM range(400) r(i))", inner, outer)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	of, seen := map[string]int{}, map[int]bool{}
	for rows.Next() {
		var p string
		var n int
		if err := rows.Scan(&p, &n); err != nil {
			t.Fatal(err)
		}
		if old, ok := of[p]; ok && old != n {
			t.Errorf("%s is moved by %d and %d days", p, old, n)
		}
		if n == 0 || n < -10 || n > 10 {
			t.Errorf("%s is moved by %d days", p, n)
		}
		of[p], seen[n] = n, true
	}
	if len(seen) != 20 {
		t.Errorf("only %d different shifts of 20 among 200 entities", len(seen))
	}
}

func TestPartialAndBucket(t *testing.T) {
	db := duck(t)
	for sql, want := range map[string]string{
		mask.Partial("'4111111111111111'", 4): "************1111",
		mask.Partial("'1234'", 4):             "****",
		mask.Partial("'ünïcode'", 2):          "*****de",
		mask.Partial("'abc'", 0):              "***",
		mask.Partial("NULL::VARCHAR", 4):      "",
		mask.Bucket("37", 10):                 "30",
		mask.Bucket("-1", 10):                 "-10",
		mask.Bucket("0.7", 0.5):               "0.5",
	} {
		var got nullText
		if err := db.QueryRow("SELECT CAST(" + sql + " AS VARCHAR)").Scan(&got.NullString); err != nil || strings.TrimSuffix(got.String, ".0") != want {
			t.Errorf("%s = %q, %v; want %q", sql, got.String, err, want)
		}
	}
}

type nullText struct{ sql.NullString }
