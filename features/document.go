package features

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"aiforge.dev/forge"
	"gopkg.in/yaml.v3"
)

// MaxDocument is the greatest size of features.yaml in bytes.
const MaxDocument = 1 << 20

// ParseDocument reads features.yaml (or JSON, which is YAML too). It is strict: a
// field that does not exist is an error with its line. What the document means is
// checked when it is applied.
func ParseDocument(b []byte) (Document, error) {
	if len(b) > MaxDocument {
		return Document{}, forge.Errorf(forge.KindInvalid, nil, "features.yaml has %d bytes; at most %d are read", len(b), MaxDocument)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var doc Document
	if err := dec.Decode(&doc); err != nil {
		return Document{}, badYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Document{}, forge.Errorf(forge.KindInvalid, err, "features.yaml holds more than one document: remove the second --- or put its views into the first")
	}
	if len(doc.Entities) == 0 && len(doc.Views) == 0 {
		return Document{}, forge.Errorf(forge.KindInvalid, nil, "features.yaml declares neither entities nor views")
	}
	return doc, nil
}

var (
	yamlLine    = regexp.MustCompile(`line (\d+): (.*)`)
	yamlWrong   = regexp.MustCompile("^cannot unmarshal !!\\w+( `.*`)? into (.*)$")
	yamlUnknown = regexp.MustCompile(`^field (.*) not found in type features\.(\w+)$`)
)

// badYAML puts the decoder's words as ours, each with its line.
func badYAML(err error) error {
	var ours *forge.Error
	if errors.As(err, &ours) {
		return ours
	}
	if errors.Is(err, io.EOF) {
		return forge.Errorf(forge.KindInvalid, nil, "features.yaml is empty: declare entities and views")
	}
	lines := []string{err.Error()}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		lines = typed.Errors
	}
	var fields []forge.FieldError
	for _, l := range lines {
		f := forge.FieldError{Text: strings.TrimPrefix(l, "yaml: ")}
		if m := yamlLine.FindStringSubmatch(f.Text); m != nil {
			f.Path, f.Text = "line "+m[1], m[2]
		}
		if m := yamlUnknown.FindStringSubmatch(f.Text); m != nil {
			f.Text = "there is no field " + m[1] + " in " + article(m[2])
		}
		if m := yamlWrong.FindStringSubmatch(f.Text); m != nil {
			f.Text = strings.TrimSpace(m[1] + " does not belong here: want " + wanted(m[2]))
		}
		fields = append(fields, f)
	}
	first := fields[0].Text
	if fields[0].Path != "" {
		first = fields[0].Path + ": " + first
	}
	return forge.Errorf(forge.KindInvalid, err, "features.yaml cannot be read: %s", first).With(fields...)
}

func article(typ string) string {
	switch typ {
	case "Entity":
		return "an entity (name, keys, doc)"
	case "View":
		return "a view (name, entity, table or sql, event_time, created, columns, ttl, online, doc)"
	}
	return "the document (entities, views)"
}

func wanted(goType string) string {
	switch {
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case goType == "[]string":
		return "a list of texts"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "a map of fields"
}
