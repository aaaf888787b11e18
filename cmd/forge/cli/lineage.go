package cli

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

// Lineage shows where something came from.
type Lineage struct {
	Ref  string `arg:"" names:"modelref" help:"calls@champion, calls/3, file:NAME.csv, or KIND:ID such as snapshot:raw.calls@123."`
	Down bool   `help:"Show what was made from it instead."`
}

// Answer implements Answerer.
func (*Lineage) Answer() any { return lineageGraph{} }

type lineageGraph struct {
	Nodes []struct {
		Ref   forge.Ref `json:"ref"`
		Title string    `json:"title"`
		At    time.Time `json:"at"`
	} `json:"nodes"`
	Edges []forge.Edge `json:"edges"`
}

func (c *Lineage) Run(e *Env) error {
	g, ref, err := c.graph(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(g); done {
		return err
	}
	e.printLineage(g, ref, c.Down)
	return nil
}

func (c *Lineage) graph(e *Env) (lineageGraph, string, error) {
	var g lineageGraph
	ref, err := c.resolve(e)
	if err != nil {
		return g, "", err
	}
	direction := "up"
	if c.Down {
		direction = "down"
	}
	q := url.Values{"ref": {ref}, "direction": {direction}, "depth": {"20"}}
	if err := e.call("GET", "/api/lineage?"+q.Encode(), nil, &g); err != nil || c.Down || !strings.HasPrefix(ref, "model:") {
		return g, ref, err
	}
	return e.withDeployment(g, ref)
}

// withDeployment puts the deployment that answers with a model on top of its graph.
func (e *Env) withDeployment(g lineageGraph, ref string) (lineageGraph, string, error) {
	var below lineageGraph
	q := url.Values{"ref": {ref}, "direction": {"down"}, "depth": {"1"}}
	if err := e.call("GET", "/api/lineage?"+q.Encode(), nil, &below); err != nil {
		return g, ref, err
	}
	top := ref
	for _, ed := range below.Edges {
		if ed.To.Kind == "deployment" && ed.From.String() == ref {
			g.Edges, top = append(g.Edges, ed), ed.To.String()
		}
	}
	for _, n := range below.Nodes {
		if n.Ref.String() == top && top != ref {
			g.Nodes = append(g.Nodes, n)
		}
	}
	return g, top, nil
}

// resolve turns calls@champion into model:calls/3.
func (c *Lineage) resolve(e *Env) (string, error) {
	if id, ok := strings.CutPrefix(c.Ref, "file:"); ok {
		return e.fileRef(id)
	}
	if strings.Contains(c.Ref, ":") && !strings.HasPrefix(c.Ref, "models:/") {
		return c.Ref, nil
	}
	ref := strings.TrimPrefix(c.Ref, "models:/")
	model, alias, ok := strings.Cut(ref, "@")
	if !ok {
		return "model:" + ref, nil
	}
	var m struct {
		Aliases map[string]int `json:"aliases"`
	}
	if err := e.call("GET", path("api", "models", model), nil, &m); err != nil {
		return "", err
	}
	n, ok := m.Aliases[alias]
	if !ok {
		return "", forge.Errorf(forge.KindNotFound, nil, "model %s has no alias %q: forge models %s lists them", model, alias, model)
	}
	return fmt.Sprintf("model:%s/%d", model, n), nil
}

// fileRef finds a loaded file by its name or the beginning of its digest; the newest of
// that name counts.
func (e *Env) fileRef(id string) (string, error) {
	if len(id) == 64 { // a whole SHA-256
		return "file:" + id, nil
	}
	var out struct {
		Loads []ingest.Load `json:"loads"`
	}
	if err := e.call("GET", "/api/loads", nil, &out); err != nil {
		return "", err
	}
	begin := strings.TrimSuffix(id, "…")
	for _, l := range out.Loads {
		if l.File == id || len(begin) >= 6 && strings.HasPrefix(l.SHA256, begin) {
			return "file:" + l.SHA256, nil
		}
	}
	return "", forge.Errorf(forge.KindNotFound, nil, "no file %q has been loaded: give its name or the beginning of its SHA-256", id)
}

// printLineage draws the graph as an indented tree from ref. A table that grew by many
// loads is drawn with its newest ones.
func (e *Env) printLineage(g lineageGraph, ref string, down bool) {
	next := map[string][]forge.Edge{}
	for _, ed := range g.Edges {
		key := ed.To.String()
		if down {
			key = ed.From.String()
		}
		next[key] = append(next[key], ed)
	}
	t := lineageTree{e: e, next: next, title: map[string]string{}, seen: map[string]bool{}, down: down}
	for _, n := range g.Nodes {
		if n.Ref.Kind == "file" || n.Ref.Kind == "topic" { // the others' ids are what other commands take
			t.title[n.Ref.String()] = n.Ref.Kind + ":" + n.Title
		}
	}
	t.walk(ref, "", 0, 0)
}

type lineageTree struct {
	e     *Env
	next  map[string][]forge.Edge
	title map[string]string
	seen  map[string]bool
	down  bool
}

// shownLoads is how many earlier states of one table are drawn.
const shownLoads = 2

func (t *lineageTree) walk(ref, by string, depth, loads int) {
	shown := ref
	if title, ok := t.title[ref]; ok {
		shown = title
	}
	t.e.printf("%s%s", strings.Repeat("  ", depth), oneLine(shown))
	if by != "" {
		t.e.printf("  (%s)", by)
	}
	again := t.seen[ref] && len(t.next[ref]) > 0
	if again {
		t.e.printf("  …")
	}
	t.e.printf("\n")
	if again {
		return
	}
	t.seen[ref] = true
	for _, ed := range t.next[ref] {
		other := ed.From.String()
		if t.down {
			other = ed.To.String()
		}
		switch {
		case ed.By != "append":
			t.walk(other, ed.By, depth+1, 0)
		case loads < shownLoads:
			t.walk(other, ed.By, depth+1, loads+1)
		default:
			t.e.printf("%s… and %d earlier loads\n", strings.Repeat("  ", depth+1), t.chain(other))
		}
	}
}

// chain counts the states of a table from ref on back.
func (t *lineageTree) chain(ref string) int {
	n := 1
	for _, ed := range t.next[ref] {
		if ed.By == "append" {
			n += t.chain(ed.From.String())
		}
	}
	return n
}
