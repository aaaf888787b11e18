package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
	"gopkg.in/yaml.v3"
)

// Monitor sets and shows what is watched of a deployment.
type Monitor struct {
	Set  MonitorSet  `cmd:"" help:"Say what to watch and what to do about it."`
	Show MonitorShow `cmd:"" help:"Show the policy of a deployment."`
}

type MonitorSet struct {
	Deployment string `arg:"" names:"deployment" help:"Deployment."`
	File       string `arg:"" optional:"" names:"file" help:"monitor.yaml, or - for standard input; without it the policy stays but for --check."`
	Check      string `help:"When the server compares by itself: \"every 1h\", hourly, daily, \"daily at 06:30\" (UTC), weekly, or never." placeholder:"WHEN"`
}

// Answer implements Answerer.
func (*MonitorSet) Answer() any { return monitoring.Policy{} }

func (c *MonitorSet) Run(e *Env) error {
	p, err := c.set(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(p); done {
		return err
	}
	e.printf("%s is watched by %s; %s\n", p.Deployment, p.Window, checks(p))
	return nil
}

// checks says when the server compares by itself.
func checks(p monitoring.Policy) string {
	if p.NextCheck == nil {
		return "it is compared when forge drift " + p.Deployment + " asks for it"
	}
	return fmt.Sprintf("it is compared %s, next at %s UTC", p.Check, p.NextCheck.UTC().Format("2006-01-02 15:04"))
}

func (c *MonitorSet) set(e *Env) (monitoring.Policy, error) {
	var p monitoring.Policy
	doc, err := c.document(e)
	if err != nil {
		return p, err
	}
	return p, e.call("PUT", path("api", "monitors", c.Deployment), doc, &p)
}

// document is the policy to set: the file's, or the one that is there.
func (c *MonitorSet) document(e *Env) (map[string]any, error) {
	doc := map[string]any{}
	if c.File == "" {
		if c.Check == "" {
			return nil, &UsageError{"give monitor.yaml, or --check with the new time of the checks"}
		}
		if err := e.call("GET", path("api", "monitors", c.Deployment), nil, &doc); err != nil {
			return nil, err
		}
	} else {
		v, err := e.yamlFile(c.File)
		if err != nil {
			return nil, err
		}
		var ok bool
		if doc, ok = v.(map[string]any); !ok {
			return nil, forge.Errorf(forge.KindInvalid, nil, "%s is no policy: want lines such as \"window: month\"", c.File)
		}
	}
	if c.Check != "" {
		doc["check"] = c.Check
	}
	return doc, nil
}

type MonitorShow struct {
	Deployment string `arg:"" names:"deployment" help:"Deployment."`
}

// Answer implements Answerer.
func (*MonitorShow) Answer() any { return monitoring.Policy{} }

func (c *MonitorShow) Run(e *Env) error {
	var p monitoring.Policy
	if err := e.call("GET", path("api", "monitors", c.Deployment), nil, &p); err != nil {
		return err
	}
	if done, err := e.printJSON(p); done {
		return err
	}
	e.printf("# %s\n", checks(p))
	p.NextCheck = nil
	return e.printYAML(p)
}

// printYAML prints a document as the file from which it can be set again, its fields in
// the order of its JSON.
func (e *Env) printYAML(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return err
	}
	plain(&doc)
	enc := yaml.NewEncoder(e.Out)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(&doc), enc.Close())
}

// plain takes JSON's quotes and brackets off.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

// watched fails when nothing is watched of a deployment, or there is none of that name.
func (e *Env) watched(deployment string) error {
	return e.call("GET", path("api", "monitors", deployment), nil, nil)
}

// checked is the result of a monitor.check job.
type checked struct {
	Reports []monitoring.Report `json:"reports"`
	Alerts  []monitoring.Alert  `json:"alerts"`
}

// Drift compares what a deployment sees with what it was trained on.
type Drift struct {
	Deployment string `arg:"" names:"deployment" help:"Deployment."`
	Check      bool   `default:"true" negatable:"" help:"Compare now; --no-check shows what was compared before."`
	All        bool   `help:"Show every column of the newest window, not only those that drifted."`
	Wait
}

// Answer implements Answerer.
func (*Drift) Answer() any { return checked{} }

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
		if err == nil && len(out.Reports) == 0 {
			err = e.watched(c.Deployment)
		}
		return out, err
	}
	_, err := e.start(c.Wait, path("api", "monitors", c.Deployment, "check"), nil, &out, nil)
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
			perf = headline(r.Performance.Metrics)
		}
		rows = append(rows, []string{r.From.Format("2006-01-02"), fmt.Sprintf("%s/%d", r.Model, r.Version), count(r.Rows), driftList(r), perf})
	}
	e.Table([]string{"FROM", "MODEL", "ROWS", "DRIFTED (PSI)", "PERFORMANCE"}, rows)
}

func driftList(r monitoring.Report) string {
	cols := append([]monitoring.Drift(nil), r.Columns...)
	sort.Slice(cols, func(i, j int) bool { return cols[i].Effect > cols[j].Effect })
	var out []string
	for _, d := range cols {
		if d.Drifted && len(out) < 3 {
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
	e.Table([]string{"COLUMN", "PSI", "JS", "KS", "WASSERSTEIN", "CHI2", "P", ""}, rows)
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
	Deployment string `arg:"" names:"deployment" help:"Deployment."`
	All        bool   `help:"Show all metrics."`
}

type performances struct {
	Windows []monitoring.Performance `json:"windows"`
}

// Answer implements Answerer.
func (*Performance) Answer() any { return performances{} }

func (c *Performance) Run(e *Env) error {
	var out performances
	if err := e.call("GET", path("api", "monitors", c.Deployment, "performance"), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Windows) == 0 {
		if err := e.watched(c.Deployment); err != nil {
			return err
		}
		e.printf("no labels have arrived for predictions of %s yet, or its policy names none: forge monitor show %s\n", c.Deployment, c.Deployment)
		return nil
	}
	shown := headline
	if c.All {
		shown = metrics
	}
	var rows [][]string
	for _, w := range out.Windows {
		rows = append(rows, []string{w.From.Format("2006-01-02"), fmt.Sprint(w.Version), count(w.Rows), count(w.Missing), shown(w.Metrics)})
	}
	e.Table([]string{"FROM", "VERSION", "LABELLED", "WITHOUT LABEL", "METRICS"}, rows)
	return nil
}
