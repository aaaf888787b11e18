package mask

import (
	"fmt"
	"sort"
	"strings"
)

// Kind of personal data.
type Kind string

const (
	Email     Kind = "email"
	Phone     Kind = "phone"
	Card      Kind = "card"
	IBAN      Kind = "iban"
	SSN       Kind = "ssn"
	Name      Kind = "name"
	BirthDate Kind = "birth_date"
	IP        Kind = "ip"
	Address   Kind = "address"
	PersonID  Kind = "person_id" // patient, customer, member: points at one person
)

// Finding says that a column seems to hold personal data, and why.
type Finding struct {
	Column     string  `json:"column"`
	Kind       Kind    `json:"kind"`
	Confidence float64 `json:"confidence"` // 0 to 1
	Reason     string  `json:"reason"`
}

// Tag is the column tag for the finding, for example pii:email.
func (f Finding) Tag() string { return "pii:" + string(f.Kind) }

// Column is what Detect looks at: a name and some of its values as text, best
// distinct ones. Numeric says that the column's type is a number.
type Column struct {
	Name    string
	Values  []string
	Numeric bool
}

// Below this share of matching values, values alone do not make a finding.
const enough = 0.6

// Detect returns what it finds, at most one finding per column, surest first.
func Detect(columns []Column) []Finding {
	var out []Finding
	for _, c := range columns {
		if f, ok := best(c); ok {
			out = append(out, f)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Confidence > out[j].Confidence })
	return out
}

func best(c Column) (Finding, bool) {
	hint, hinted := hintOf(c.Name)
	top := Finding{Column: c.Name}
	for _, d := range detectors {
		if c.Numeric && !d.digits {
			continue
		}
		share := matching(d, c.Values)
		named := hinted && hint.kind == d.kind
		if share < enough && !(named && share >= 0.2) || d.needsName && !named {
			continue
		}
		conf := d.trust * share
		why := fmt.Sprintf("%.0f %% of the values looked at are %s", 100*share, d.what)
		if named {
			conf = 1 - (1-conf)*(1-hint.trust)
			why += fmt.Sprintf(", and the column is called %q", c.Name)
		}
		if conf > top.Confidence {
			top.Kind, top.Confidence, top.Reason = d.kind, conf, why
		}
	}
	if hinted && !hint.needsValues && hint.trust > top.Confidence && plausible(hint, c) {
		top.Kind, top.Confidence = hint.kind, hint.trust
		top.Reason = fmt.Sprintf("a column called %q %s", c.Name, hint.why)
	}
	return top, top.Confidence >= 0.5
}

func matching(d detector, values []string) float64 {
	n, hit := 0, 0
	for _, v := range values {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		n++
		if d.match(v) {
			hit++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(hit) / float64(n)
}

// plausible refuses a name's hint that the values speak against: a flag or a few
// categories cannot identify anybody, and a name or address has letters.
func plausible(h hint, c Column) bool {
	distinct := map[string]bool{}
	letters := 0
	for _, v := range c.Values {
		distinct[v] = true
		if strings.ContainsFunc(v, isLetter) {
			letters++
		}
	}
	if h.letters && (c.Numeric || len(c.Values) > 0 && letters*2 < len(c.Values)) {
		return false
	}
	return len(c.Values) < 20 || len(distinct) >= 5
}
