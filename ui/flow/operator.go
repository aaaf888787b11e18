package flow

import (
	"context"
	"fmt"
	"strings"

	"aiforge.dev/forge"
)

// PortType says what travels along an edge; only equal types connect.
type PortType string

const (
	Table       PortType = "table"       // {table, snapshot}
	Views       PortType = "features"    // {views: [name@version]}
	TrainingSet PortType = "trainingset" // {id, name, table, snapshot}
	Model       PortType = "model"       // {model, version}
	Deployment  PortType = "deployment"  // {name, version}
	Report      PortType = "report"      // {…}
)

// Port is a named input or output of an operator.
type Port struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Type     PortType `json:"type"`
	Optional bool     `json:"optional,omitempty"`
}

// Field is one setting of an operator; the studio draws its form from it.
type Field struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Type     string   `json:"type" enum:"text,number,boolean,choice,list,table,column,document,duration"`
	Required bool     `json:"required,omitempty"`
	Default  any      `json:"default,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Help     string   `json:"help,omitempty"`
	Example  string   `json:"example,omitempty"`
}

// Operator is what a node does: a spec, and the function that carries it out.
type Operator struct {
	ID     string  `json:"id" doc:"name@version, for example train.automl@1"`
	Title  string  `json:"title" doc:"Named by purpose: Train a model"`
	Group  string  `json:"group" doc:"Data, Prepare, Features, Models, Serve, Watch"`
	Doc    string  `json:"doc"`
	In     []Port  `json:"in"`
	Out    []Port  `json:"out"`
	Fields []Field `json:"fields"`
	// Cached operators are skipped when their config and inputs are as in the last
	// successful run; the others (deploying, watching) run each time and are
	// harmless to repeat.
	Cached bool `json:"cached"`

	Run func(ctx context.Context, step Step) (Outputs, error) `json:"-"`
}

// Outputs are what a step made, by port.
type Outputs map[string]Value

// Step is what an operator's Run is given.
type Step struct {
	Node   string
	Config map[string]any
	In     map[string]Value
	// Report tells the studio how far the step is.
	Report func(rows int64, message string)
}

// Text returns a setting as text, "" when it is not set.
func (s Step) Text(name string) string {
	v, ok := s.Config[name]
	if !ok || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// List returns a setting that is a list of texts; a text is split at commas.
func (s Step) List(name string) []string {
	var out []string
	switch v := s.Config[name].(type) {
	case []any:
		for _, x := range v {
			out = append(out, fmt.Sprint(x))
		}
	case string:
		for _, x := range strings.Split(v, ",") {
			if x = strings.TrimSpace(x); x != "" {
				out = append(out, x)
			}
		}
	}
	return out
}

// port finds a port by name.
func port(ports []Port, name string) (Port, bool) {
	for _, p := range ports {
		if p.Name == name {
			return p, true
		}
	}
	return Port{}, false
}

// checkConfig reports wrong settings of a node.
func (o Operator) checkConfig(config map[string]any) []forge.FieldError {
	var errs []forge.FieldError
	known := map[string]bool{}
	for _, f := range o.Fields {
		known[f.Name] = true
		v, set := config[f.Name]
		if !set || v == nil || v == "" {
			if f.Required {
				errs = append(errs, forge.FieldError{Path: "config." + f.Name, Text: fmt.Sprintf("%s is missing", f.Title)})
			}
			continue
		}
		if text := f.wrong(v); text != "" {
			errs = append(errs, forge.FieldError{Path: "config." + f.Name, Text: text})
		}
	}
	for name := range config {
		if !known[name] {
			errs = append(errs, forge.FieldError{Path: "config." + name, Text: fmt.Sprintf("%s has no setting %q", o.ID, name)})
		}
	}
	return errs
}

// wrong says what is wrong with a value of this field, "" when nothing is.
func (f Field) wrong(v any) string {
	switch f.Type {
	case "number":
		switch v.(type) {
		case int, int64, uint64, float64:
		default:
			return fmt.Sprintf("%s: %v is not a number", f.Title, v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Sprintf("%s: %v is not true or false", f.Title, v)
		}
	case "choice":
		for _, c := range f.Choices {
			if c == v {
				return ""
			}
		}
		return fmt.Sprintf("%s: %v is not one of %s", f.Title, v, strings.Join(f.Choices, ", "))
	case "table":
		if _, err := forge.ParseTableName(fmt.Sprint(v)); err != nil {
			return err.Error()
		}
	}
	return ""
}
