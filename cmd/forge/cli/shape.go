package cli

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Answerer is a command that says what it prints with --json: Answer returns a value of
// that type. docs/cli.md is made from it, and a test holds real answers against it.
type Answerer interface{ Answer() any }

// Otherwise is a command that prints something else when it is called in another way.
type Otherwise interface {
	Otherwise() (when string, answer any)
}

// Shape writes the JSON of a type for people: names, types, which may be left out.
func Shape(t reflect.Type) string {
	var b strings.Builder
	s := shaper{out: &b, open: map[reflect.Type]bool{}}
	s.write(t, "", "")
	return b.String()
}

type shaper struct {
	out  *strings.Builder
	open map[reflect.Type]bool // types that are being written: they may contain themselves
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	textType = reflect.TypeFor[encoding.TextMarshaler]()
)

// Scalar is the word for a type without parts, or "".
func Scalar(t reflect.Type) string {
	switch {
	case t == timeType:
		return "time"
	case t == rawType || t.Kind() == reflect.Interface:
		return "any"
	case t.Implements(textType) || reflect.PointerTo(t).Implements(textType):
		return "text"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "whole number"
	}
	return ""
}

func (s shaper) write(t reflect.Type, indent, enum string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch word := Scalar(t); {
	case enum != "" && word == "text":
		s.out.WriteString(strings.ReplaceAll(enum, ",", " | "))
	case word != "":
		s.out.WriteString(word)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		s.out.WriteString("text in base64")
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		s.out.WriteString("[")
		s.write(t.Elem(), indent, enum)
		s.out.WriteString("]")
	case t.Kind() == reflect.Map:
		s.out.WriteString("{" + scalarKey(t.Key()) + ": ")
		s.write(t.Elem(), indent, "")
		s.out.WriteString("}")
	case t.Kind() == reflect.Struct && s.open[t]:
		s.out.WriteString("(the same again)")
	case t.Kind() == reflect.Struct:
		s.open[t] = true
		s.object(t, indent)
		delete(s.open, t)
	}
}

func scalarKey(t reflect.Type) string {
	if Scalar(t) == "whole number" {
		return "NUMBER"
	}
	return "NAME"
}

func (s shaper) object(t reflect.Type, indent string) {
	s.out.WriteString("{\n")
	for _, f := range Fields(t) {
		mark := ""
		if f.Optional {
			mark = "?"
		}
		fmt.Fprintf(s.out, "%s  %s%s: ", indent, f.Name, mark)
		s.write(f.Type, indent+"  ", f.Enum)
		if f.Doc != "" {
			s.out.WriteString("  // " + f.Doc)
		}
		s.out.WriteString("\n")
	}
	s.out.WriteString(indent + "}")
}

// Field is a field of a JSON object.
type Field struct {
	Name     string
	Type     reflect.Type
	Optional bool // left out, or null, when there is nothing to say
	Enum     string
	Doc      string
}

// Fields are the fields that encoding/json writes of a struct.
func Fields(t reflect.Type) []Field {
	var out []Field
	for f := range fieldsOf(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			out = append(out, Fields(f.Type)...)
		default:
			if name == "" {
				name = f.Name
			}
			typ := f.Type
			if strings.Contains(opts, "string") {
				typ = reflect.TypeFor[string]()
			}
			optional := strings.Contains(opts, "omit") || f.Type.Kind() == reflect.Pointer
			out = append(out, Field{name, typ, optional, f.Tag.Get("enum"), f.Tag.Get("doc")})
		}
	}
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
