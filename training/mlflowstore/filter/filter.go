// Package filter reads MLflow's search language:
//
//	metrics.roc_auc > 0.9 and params."max depth" = '4' and tags.team LIKE '%risk%'
//	attributes.run_id IN ('a', 'b') and tags.`mlflow.parentRunId` IS NULL
//
// A filter is a list of comparisons, all of which must hold; there is no OR. Each
// search names the attributes it knows in a Dialect, so that a wrong key is refused
// rather than matching nothing.
package filter

import (
	"slices"
	"strings"

	"aiforge.dev/forge"
)

// Kinds of keys.
const (
	Attribute = "attribute"
	Metric    = "metric"
	Param     = "param"
	Tag       = "tag"
	Dataset   = "dataset"
)

// Comparison is one condition. Number is set for numeric keys, Text for the others,
// List for IN and NOT IN.
type Comparison struct {
	Kind   string
	Key    string
	Op     string // = != < <= > >= LIKE ILIKE IN, NOT IN, IS NULL, IS NOT NULL
	Number float64
	Text   string
	List   []string
}

// Order is one key of an order_by list.
type Order struct {
	Kind string
	Key  string
	Desc bool
}

// Dialect says which keys a search knows. Alias gives other spellings of attributes.
type Dialect struct {
	Kinds   []string // beside attributes
	Text    []string // attributes that are texts
	Numbers []string // attributes that are numbers
	Alias   map[string]string
}

// MaxLength bounds a filter or an order key, MaxClauses the comparisons of a filter.
const (
	MaxLength  = 16 << 10
	MaxClauses = 100
)

var kindNames = map[string]string{
	"attribute": Attribute, "attributes": Attribute, "attr": Attribute, "run": Attribute,
	"metric": Metric, "metrics": Metric,
	"param": Param, "params": Param, "parameter": Param, "parameters": Param,
	"tag": Tag, "tags": Tag,
	"dataset": Dataset, "datasets": Dataset,
}

// key checks a key of the language against the dialect and gives its plain names.
func (d Dialect) key(kind, key string) (string, string, error) {
	if kind == "" {
		kind = Attribute
	} else {
		plain, ok := kindNames[strings.ToLower(kind)]
		if !ok || plain != Attribute && !slices.Contains(d.Kinds, plain) {
			return "", "", bad("%q before the dot of %s.%s is not known here; want %s", kind, kind, key, d.allowed())
		}
		kind = plain
	}
	if kind == Dataset && !slices.Contains([]string{"name", "digest", "context"}, key) {
		return "", "", bad("dataset key %q: want name, digest or context", key)
	}
	if kind != Attribute {
		return kind, key, nil
	}
	if to, ok := d.Alias[key]; ok {
		key = to
	}
	if !slices.Contains(d.Text, key) && !slices.Contains(d.Numbers, key) {
		return "", "", bad("attribute %q is not known; want one of %s", key, strings.Join(append(slices.Clone(d.Text), d.Numbers...), ", "))
	}
	return kind, key, nil
}

func (d Dialect) allowed() string {
	return strings.Join(append([]string{Attribute}, d.Kinds...), ", ")
}

// numeric reports whether a key's values are numbers.
func (d Dialect) numeric(kind, key string) bool {
	return kind == Metric || kind == Attribute && slices.Contains(d.Numbers, key)
}

func bad(format string, args ...any) error {
	return forge.Errorf(forge.KindInvalid, nil, "filter: "+format, args...)
}
