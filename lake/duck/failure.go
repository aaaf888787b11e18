package duck

import (
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
)

// fail makes an error of DuckDB's message. What the SQL or the data did wrong is
// KindInvalid with DuckDB's own text; a lack of memory or disk, and files that cannot
// be read, are KindUnavailable.
func fail(message string) error {
	message = strings.TrimSpace(message)
	kind, rest, _ := strings.Cut(message, " Error: ")
	switch kind {
	case "Out of Memory":
		return forge.Errorf(forge.KindUnavailable, nil, "the query needs more memory than it may have: read fewer columns or rows, or aggregate earlier (%s)", firstLine(rest))
	case "IO":
		return forge.Errorf(forge.KindUnavailable, nil, "the query could not read or write a file: %s", firstLine(rest))
	case "INTERNAL", "FATAL":
		return forge.Errorf(forge.KindUnavailable, nil, "the engine failed on this query: %s", firstLine(rest))
	}
	if strings.HasPrefix(message, "memory exhausted") || strings.Contains(message, "Max expression depth") {
		message = "the SQL is nested too deeply: split it by WITH, or write long lists of OR and + another way"
	}
	if message == "" {
		message = "the engine refused the query without saying why"
	}
	return forge.Errorf(forge.KindInvalid, nil, "%s", message)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// maxMessage is the most bytes that an error has; DuckDB puts whole values into some.
const maxMessage = 4000

// clean takes the server's folders out of a message: users see file names at most.
func clean(text string, r request) string {
	dirs := map[string]bool{}
	for _, v := range r.Views {
		for _, f := range v.Files {
			dirs[filepath.Dir(f)+"/"] = true
		}
	}
	for _, p := range append([]string{r.Dir + "/x", r.TempDir + "/x"}, r.Paths...) {
		dirs[filepath.Dir(p)+"/"] = true
	}
	for d := range dirs {
		if len(d) > 2 {
			text = strings.ReplaceAll(text, d, "")
		}
	}
	return cut(text, maxMessage)
}
