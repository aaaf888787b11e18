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
	for i := 0; i+2 < len(toks); i++ {
		if !toks[i].names() || !toks[i+1].is(".") || !toks[i+2].names() {
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
// a row's position means something. In doubt it does not.
func streams(sql string) bool {
	toks, err := lex(sql)
	seen := map[string]int{}
	depth, inFrom := 0, false
	for _, t := range toks {
		w := strings.ToLower(t.text)
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.is(",") && inFrom && depth == 0:
			return false // a second table
		case t.kind == word && unordered[w]:
			return false
		case t.kind == word:
			seen[w]++
			if depth == 0 {
				inFrom = w == "from" || inFrom && w != "where" && w != "select" && w != "limit"
			}
		}
	}
	return err == nil && seen["select"] <= 1 && seen["from"] == 1
}

// ordered reports whether sql orders its whole result.
func ordered(sql string) bool {
	toks, _ := lex(sql)
	depth := 0
	for _, t := range toks {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case depth == 0 && t.kind == word && strings.EqualFold(t.text, "order"):
			return true
		}
	}
	return false
}
