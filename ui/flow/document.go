// Package flow is the meaning behind the studio's canvas: a flow document says which
// operators are joined how, compiling checks it and orders it, running carries it out
// step by step. Positions live apart (Layout), so that moving a box is no change of
// meaning.
package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"aiforge.dev/forge"
	"gopkg.in/yaml.v3"
)

// APIVersion of the documents that this package reads.
const APIVersion = "aiforge.dev/v1"

// Document is flow.yaml.
type Document struct {
	APIVersion string          `json:"apiVersion" yaml:"apiVersion"`
	Kind       string          `json:"kind" yaml:"kind"`
	Metadata   Metadata        `json:"metadata" yaml:"metadata"`
	Nodes      map[string]Node `json:"nodes" yaml:"nodes"`
}

// Metadata names a flow.
type Metadata struct {
	Name  string `json:"name" yaml:"name"`
	Title string `json:"title,omitempty" yaml:"title,omitempty"`
	Doc   string `json:"doc,omitempty" yaml:"doc,omitempty"`
}

// Node is one operator with its inputs, which are declared here, at the consumer:
// port → "node.port" of the producer. An input cannot have two writers.
type Node struct {
	Op     string            `json:"op" yaml:"op"`
	Title  string            `json:"title,omitempty" yaml:"title,omitempty"`
	In     map[string]string `json:"in,omitempty" yaml:"in,omitempty"`
	Config map[string]any    `json:"config,omitempty" yaml:"config,omitempty"`
}

// Layout is flow.layout.json.
type Layout struct {
	Nodes map[string]Point `json:"nodes"`
}

// Point is a node's place on the canvas, in pixels at zoom 1.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Parse reads flow.yaml (or the same as JSON) strictly: an unknown field is an error.
func Parse(b []byte) (Document, error) {
	var d Document
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return d, forge.Errorf(forge.KindInvalid, err, "the flow cannot be read: %s", strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n ", ""), "yaml: "))
	}
	return d, d.check()
}

func (d Document) check() error {
	if d.APIVersion != APIVersion || d.Kind != "Pipeline" {
		return forge.Errorf(forge.KindInvalid, nil, "the flow must begin with apiVersion: %s and kind: Pipeline", APIVersion)
	}
	if err := forge.Ident("flow", d.Metadata.Name); err != nil {
		return err
	}
	for id := range d.Nodes {
		if err := forge.Ident("node", id); err != nil {
			return err
		}
	}
	return nil
}

// YAML writes the document in its canonical form: keys sorted, two spaces.
func (d Document) YAML() ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(d); err != nil {
		return nil, err
	}
	return buf.Bytes(), enc.Close()
}

// Value travels along an edge: what a node has made, by reference. Data is small:
// names, versions and snapshot ids, never rows.
type Value struct {
	Type PortType       `json:"type"`
	Data map[string]any `json:"data"`
}

// Text returns a field of the value as text.
func (v Value) Text(field string) string {
	switch x := v.Data[field].(type) {
	case nil:
		return ""
	case string:
		return x
	default:
		return fmt.Sprint(x)
	}
}

// sortedNodes returns the ids in order, so that every walk is the same each time.
func (d Document) sortedNodes() []string {
	ids := make([]string, 0, len(d.Nodes))
	for id := range d.Nodes {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// canonical is a value's JSON with sorted keys, for hashing.
func canonical(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(fmt.Sprint(v)) // config came from JSON or YAML and always encodes
	}
	return b
}
