package pit

import (
	"strings"

	"aiforge.dev/forge"
)

// Fragment checks that a user's SELECT can stand in parentheses inside a larger
// query without reaching out of them: every quote, comment and parenthesis that it
// opens it also closes, and it is one statement. It returns the SELECT without a
// final semicolon. What the SELECT may read is not decided here but by the engine.
func Fragment(sql string) (string, error) {
	sql = strings.TrimSpace(sql)
	sql = strings.TrimSpace(strings.TrimSuffix(sql, ";"))
	toks, err := lex(sql)
	if err != nil {
		return "", err
	}
	if len(toks) == 0 {
		return "", badSQL("it is empty: write a SELECT")
	}
	if first := strings.ToLower(toks[0].text); toks[0].kind != word || first != "select" && first != "with" && first != "from" {
		return "", badSQL("it begins with %q: only a SELECT (or WITH … SELECT) can be here", toks[0].text)
	}
	depth := 0
	for _, t := range toks {
		if t.kind != punct {
			continue
		}
		switch t.text {
		case ";":
			return "", badSQL("it has more than one statement: leave one SELECT")
		case "$", "?":
			return "", badSQL("it has the parameter %s: write the value itself", t.text)
		case "(":
			depth++
		case ")":
			if depth--; depth < 0 {
				return "", badSQL("it has a ) too many")
			}
		}
	}
	if depth > 0 {
		return "", badSQL("%d ( are not closed", depth)
	}
	return sql, nil
}

func badSQL(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, "SQL: "+format, args...)
}

// Tables lists the names of the form namespace.name in sql, each once, in order. Some
// may be columns of an alias: which are tables only the lake knows.
func Tables(sql string) []forge.TableName {
	toks, err := lex(sql)
	if err != nil {
		return nil
	}
	var names []forge.TableName
	seen := map[forge.TableName]bool{}
	dot := func(i int) bool { return i >= 0 && i < len(toks) && toks[i].kind == punct && toks[i].text == "." }
	for i := 0; i+2 < len(toks); i++ {
		if !toks[i].names() || !dot(i+1) || !toks[i+2].names() || dot(i-1) || dot(i+3) {
			continue
		}
		name, err := forge.ParseTableName(strings.ToLower(toks[i].text + "." + toks[i+2].text))
		if err == nil && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// unordered are words that let the engine give rows in another order each time.
var unordered = map[string]bool{
	"join": true, "over": true, "group": true, "distinct": true, "qualify": true, "pivot": true, "unpivot": true,
	"unnest": true, "order": true, "intersect": true, "except": true, "union": true, "window": true, "tablesample": true, "sample": true, "lateral": true,
}

// streams reports whether sql hands on the rows of one table in their order, so that
// a row's position means something.
func streams(sql string) bool {
	toks, err := lex(sql)
	selects := 0
	for _, t := range toks {
		if t.kind != word {
			continue
		}
		w := strings.ToLower(t.text)
		if unordered[w] {
			return false
		}
		if w == "select" {
			selects++
		}
	}
	return err == nil && selects == 1 && len(Tables(sql)) == 1
}
