// Package nearest finds the name that a mistyped one was probably meant to be.
package nearest

// Name is the name of have that given is likely to mean: at most a third of its letters
// are wrong. "" when there is none, or when given is right.
func Name(given string, have []string) string {
	best, least := "", max(1, len([]rune(given))/3)+1
	for _, h := range have {
		switch d := distance(given, h); {
		case d == 0:
			return ""
		case d < least:
			best, least = h, d
		}
	}
	return best
}

// Meant is " (did you mean NAME?)", or "" when no name is near: for the end of a message
// that a name is not known.
func Meant(given string, have []string) string {
	if near := Name(given, have); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// distance counts the letters to insert, remove, replace or swap with their neighbour
// (restricted Damerau-Levenshtein).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
