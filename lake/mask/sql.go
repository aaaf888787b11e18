package mask

import (
	"fmt"

	"aiforge.dev/forge/internal/sqltext"
)

// Params are the places of the key's two blocks in a query, such as $1 and $2.
type Params struct{ Inner, Outer string }

// Token is the SQL expression for the token of a text expression; NULL stays NULL.
func Token(text, domain, prefix string, p Params) string {
	return sqltext.Text(prefix) + " || left(" + mac("token", domain, text, p) + fmt.Sprintf(", %d)", tokenDigits)
}

// Shift is the SQL expression for an entity's own number of days, from -days to
// days without 0; the same entity always gets the same number.
func Shift(entity, domain string, days int, p Params) string {
	n := fmt.Sprintf("(CAST('0x' || left(%s, 12) AS BIGINT) %% %d)", mac("shift", domain, entity, p), 2*days)
	return fmt.Sprintf("(CASE WHEN %s < %d THEN %s - %d ELSE %s - %d END)", n, days, n, days, n, days-1)
}

func mac(use, domain, text string, p Params) string {
	head := "encode(" + sqltext.Text(use) + ") || '\\x00'::BLOB || encode(" + sqltext.Text(domain) + ") || '\\x00'::BLOB"
	return "sha256(CAST(" + p.Outer + " AS BLOB) || unhex(sha256(CAST(" + p.Inner + " AS BLOB) || " + head + " || encode(" + text + "))))"
}

// Partial shows the last keep characters of a text and a star for each other one; a
// text that is not longer than keep is hidden as a whole.
func Partial(text string, keep int) string {
	return fmt.Sprintf("(CASE WHEN length(%s) > %d THEN repeat('*', length(%s) - %d) || right(%s, %d) ELSE repeat('*', length(%s)) END)",
		text, keep, text, keep, text, keep, text)
}

// Bucket is the lower bound of the bucket of the given width that holds a number.
func Bucket(number string, size float64) string {
	s := fmt.Sprintf("%v", size)
	return "(floor(" + number + " / " + s + ") * " + s + ")"
}
