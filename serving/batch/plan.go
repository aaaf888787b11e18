package batch

import (
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/serving"
	"github.com/apache/arrow-go/v18/arrow"
)

// plan says what the output's columns are.
type plan struct {
	sig    serving.Signature
	keep   []Column
	scores []string // names of the per-class columns
	at     time.Time
}

func names(cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

// newPlan checks the arguments against the rows and the model before anything is
// written.
func newPlan(a Args, sig serving.Signature, in []Column, at time.Time) (plan, error) {
	p := plan{sig: sig, keep: in, at: at, scores: scoreColumns(sig.Classes)}
	have := map[string]Column{}
	for _, c := range in {
		have[c.Name] = c
	}
	var missing []string
	for _, input := range sig.Inputs {
		if _, ok := have[input.Name]; !ok {
			missing = append(missing, input.Name)
		}
	}
	if len(missing) > 0 {
		return p, forge.Errorf(forge.KindInvalid, nil, "the rows lack columns that %s version %d takes: %s", sig.Model, sig.Version, strings.Join(missing, ", "))
	}
	if len(a.Keep) > 0 {
		p.keep = nil
		for _, name := range a.Keep {
			c, ok := have[name]
			if !ok {
				return p, forge.Errorf(forge.KindInvalid, nil, "keep: the rows have no column %q%s", name, nearest.Meant(name, names(in)))
			}
			p.keep = append(p.keep, c)
		}
	}
	for _, name := range []string{a.ID, a.EventTime} {
		if _, ok := have[name]; name != "" && !ok {
			return p, forge.Errorf(forge.KindInvalid, nil, "the rows have no column %q%s", name, nearest.Meant(name, names(in)))
		}
	}
	return p, p.clash()
}

// clash refuses a kept column with the name of one that scoring adds.
func (p plan) clash() error {
	seen := map[string]bool{}
	for _, c := range p.columns() {
		if seen[c.Name] {
			return forge.Errorf(forge.KindInvalid, nil, "column %q is both in the rows and among those that scoring adds: name the columns to keep, without it", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// columns of the output: what is kept, then what scoring adds.
func (p plan) columns() []Column {
	prediction := "string"
	if len(p.sig.Classes) == 0 {
		prediction = "double"
	}
	out := append(append([]Column(nil), p.keep...), Column{"prediction", prediction}, Column{"score", "double"})
	for _, s := range p.scores {
		out = append(out, Column{s, "double"})
	}
	return append(out, Column{"model", "string"}, Column{"model_version", "int"}, Column{"scored_at", "timestamptz"})
}

var scoredAt = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}

// fields of the columns that scoring adds, in the order of columns.
func (p plan) fields() []arrow.Field {
	var prediction arrow.DataType = arrow.BinaryTypes.String
	if len(p.sig.Classes) == 0 {
		prediction = arrow.PrimitiveTypes.Float64
	}
	out := []arrow.Field{field("prediction", prediction), field("score", arrow.PrimitiveTypes.Float64)}
	for _, s := range p.scores {
		out = append(out, field(s, arrow.PrimitiveTypes.Float64))
	}
	return append(out, field("model", arrow.BinaryTypes.String), field("model_version", arrow.PrimitiveTypes.Int32), field("scored_at", scoredAt))
}

func field(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// scoreColumns names a column per class: score_ and the class in lower case letters,
// digits and underscores; a number follows where two would be the same.
func scoreColumns(classes []string) []string {
	out, seen := make([]string, len(classes)), map[string]bool{}
	for i, class := range classes {
		name := "score_" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, strings.ToLower(class))
		for n, base := 2, name; seen[name]; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		seen[name] = true
		out[i] = name
	}
	return out
}
