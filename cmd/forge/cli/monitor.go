package cli

import (
	"fmt"
	"net/url"
	"sort"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
)

// Monitor sets and shows what is watched of a deployment.
type Monitor struct {
	Set  MonitorSet  `cmd:"" help:"Say what to watch and what to do about it."`
	Show MonitorShow `cmd:"" help:"Show the policy of a deployment."`
}

type MonitorSet struct {
	Deployment string `arg:"" help:"Deployment."`
	File       string `arg:"" help:"monitor.yaml, or - for standard input."`
}

func (c *MonitorSet) Run(e *Env) error {
	p, err := c.set(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(p); done {
		return err
	}
	e.printf("%s is watched by %s\n", p.Deployment, p.Window)
	return nil
}

func (c *MonitorSet) set(e *Env) (monitoring.Policy, error) {
	var p monitoring.Policy
	doc, err := yamlFile(c.File)
	if err != nil {
		return p, err
	}
	return p, e.call("PUT", path("api", "monitors", c.Deployment), doc, &p)
}

type MonitorShow struct {
	Deployment string `arg:"" help:"Deployment."`
}

func (c *MonitorShow) Run(e *Env) error {
	var p monitoring.Policy
	if err := e.call("GET", path("api", "monitors", c.Deployment), nil, &p); err != nil {
		return err
	}
	return e.PrintJSON(p)
}

// checked is the result of a monitor.check job.
type checked struct {
	Reports []monitoring.Report `json:"reports"`
	Alerts  []monitoring.Alert  `json:"alerts"`
}

// Drift compares what a deployment sees with what it was trained on.
type Drift struct {
	Deployment string `arg:"" help:"Deployment."`
	Check      bool   `default:"true" negatable:"" help:"Compare now; --no-check shows what was compared before."`
	All        bool   `help:"Show every column of the newest window, not only those that drifted."`
}

func (c *Drift) Run(e *Env) error {
	out, err := c.check(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printReports(out.Reports)
	if c.All && len(out.Reports) > 0 {
		e.printColumns(out.Reports[len(out.Reports)-1])
	}
	for _, a := range out.Alerts {
		e.printf("alert: %s\n", a.Text)
	}
	return nil
}

func (c *Drift) check(e *Env) (checked, error) {
	var out checked
	if !c.Check {
		err := e.call("GET", path("api", "monitors", c.Deployment, "drift"), nil, &out)
		return out, err
	}
	_, err := e.start(path("api", "monitors", c.Deployment, "check"), nil, &out, nil)
	return out, err
}

func (e *Env) printReports(reports []monitoring.Report) {
	if len(reports) == 0 {
		e.printf("no predictions have been logged yet\n")
		return
	}
	var rows [][]string
	for _, r := range reports {
		perf := ""
		if r.Performance != nil {
			perf = metrics(r.Performance.Metrics)
		}
		rows = append(rows, []string{r.From.Format("2006-01-02"), fmt.Sprintf("%s/%d", r.Model, r.Version), count(r.Rows), driftList(r), perf})
	}
	e.table([]string{"FROM", "MODEL", "ROWS", "DRIFTED (PSI)", "PERFORMANCE"}, rows)
}

func driftList(r monitoring.Report) string {
	cols := append([]monitoring.Drift(nil), r.Columns...)
	sort.Slice(cols, func(i, j int) bool { return cols[i].Effect > cols[j].Effect })
	var out []string
	for _, d := range cols {
		if d.Drifted && len(out) < 4 {
			out = append(out, fmt.Sprintf("%s %.2f", d.Column, d.Effect))
		}
	}
	if more := len(r.Drifted) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

func (e *Env) printColumns(r monitoring.Report) {
	var rows [][]string
	for _, d := range r.Columns {
		verdict := ""
		if d.Drifted {
			verdict = "drifted"
		}
		rows = append(rows, []string{d.Column, stat(d, "psi"), stat(d, "js"), stat(d, "ks"), stat(d, "wasserstein"), stat(d, "chi2"), fmt.Sprintf("%.2g", d.PValue), verdict})
	}
	e.printf("\n")
	e.table([]string{"COLUMN", "PSI", "JS", "KS", "WASSERSTEIN", "CHI2", "P", ""}, rows)
}

func stat(d monitoring.Drift, name string) string {
	v, ok := d.Stats[name]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.4g", v)
}

// Performance shows the metrics of a deployment where labels have arrived.
type Performance struct {
	Deployment string `arg:"" help:"Deployment."`
}

func (c *Performance) Run(e *Env) error {
	var out struct {
		Windows []monitoring.Performance `json:"windows"`
	}
	if err := e.call("GET", path("api", "monitors", c.Deployment, "performance"), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, w := range out.Windows {
		rows = append(rows, []string{w.From.Format("2006-01-02"), fmt.Sprint(w.Version), count(w.Rows), count(w.Missing), metrics(w.Metrics)})
	}
	e.table([]string{"FROM", "VERSION", "LABELLED", "WITHOUT LABEL", "METRICS"}, rows)
	return nil
}

// Alerts lists alerts.
type Alerts struct {
	Deployment string `arg:"" optional:"" help:"Only of this deployment."`
}

func (c *Alerts) Run(e *Env) error {
	out, err := c.list(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(map[string]any{"alerts": out}); done {
		return err
	}
	var rows [][]string
	for _, a := range out {
		rows = append(rows, []string{a.Created.Local().Format("2006-01-02 15:04"), a.Deployment, a.Kind, a.Since.Format("2006-01-02"), a.State, a.Text, a.Outcome})
	}
	e.table([]string{"AT", "DEPLOYMENT", "KIND", "SINCE", "STATE", "", "OUTCOME"}, rows)
	return nil
}

func (c *Alerts) list(e *Env) ([]monitoring.Alert, error) {
	var out struct {
		Alerts []monitoring.Alert `json:"alerts"`
	}
	err := e.call("GET", "/api/alerts?deployment="+url.QueryEscape(c.Deployment), nil, &out)
	return out.Alerts, err
}

// Lineage shows where something came from.
type Lineage struct {
	Ref  string `arg:"" help:"calls@champion, calls/3, or KIND:ID such as snapshot:raw.calls@123."`
	Down bool   `help:"Show what was made from it instead."`
}

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
	t := lineageTree{e: e, next: next, seen: map[string]bool{}, down: down}
	t.walk(ref, "", 0, 0)
}

type lineageTree struct {
	e    *Env
	next map[string][]forge.Edge
	seen map[string]bool
	down bool
}

// shownLoads is how many earlier states of one table are drawn.
const shownLoads = 2

func (t *lineageTree) walk(ref, by string, depth, loads int) {
	t.e.printf("%s%s", strings.Repeat("  ", depth), ref)
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
