package cli

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
)

// Deploy makes a model answer.
type Deploy struct {
	Ref  string `arg:"" names:"modelref" help:"Model, for example calls@champion or calls/3."`
	Name string `help:"Name of the deployment; the model's otherwise."`
}

// Answer implements Answerer.
func (*Deploy) Answer() any { return serving.Deployment{} }

func (c *Deploy) Run(e *Env) error {
	d, err := c.deploy(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(d); done {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	e.printf("%s answers with %s/%d: POST %s/v1/predict/%s\n", d.Name, d.Model, d.Version, client.Base, d.Name)
	return nil
}

func (c *Deploy) deploy(e *Env) (serving.Deployment, error) {
	name := c.Name
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimPrefix(c.Ref, "models:/"), "@")
		name, _, _ = strings.Cut(name, "/")
	}
	var d serving.Deployment
	return d, e.call("PUT", path("api", "deployments", name), map[string]string{"ref": c.Ref}, &d)
}

// Deployments lists what answers.
type Deployments struct{}

type deploymentList struct {
	Deployments []serving.Deployment `json:"deployments"`
}

// Answer implements Answerer.
func (*Deployments) Answer() any { return deploymentList{} }

func (c *Deployments) Run(e *Env) error {
	var out deploymentList
	if err := e.call("GET", "/api/deployments", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Deployments) == 0 {
		e.printf("nothing is deployed yet: forge deploy MODEL@champion makes a model answer\n")
		return nil
	}
	var rows [][]string
	for _, d := range out.Deployments {
		ref := fmt.Sprintf("%s/%d", d.Model, d.Version)
		if d.Alias != "" {
			ref += " (@" + d.Alias + ")"
		}
		rows = append(rows, []string{d.Name, ref, d.State, count(d.Requests), fmt.Sprintf("%.2f", d.P50), fmt.Sprintf("%.2f", d.P99)})
	}
	e.Table([]string{"DEPLOYMENT", "MODEL", "STATE", "REQUESTS", "P50 MS", "P99 MS"}, rows)
	return nil
}

// Undeploy stops a deployment.
type Undeploy struct {
	Name string `arg:"" names:"deployment" help:"Deployment to stop."`
}

type undeployed struct {
	Undeployed string `json:"undeployed" doc:"Name of the deployment"`
}

// Answer implements Answerer.
func (*Undeploy) Answer() any { return undeployed{} }

func (c *Undeploy) Run(e *Env) error {
	if err := e.call("DELETE", path("api", "deployments", c.Name), nil, nil); err != nil {
		return err
	}
	return e.done(undeployed{c.Name}, "%s does not answer any more", c.Name)
}

// Predict asks a deployed model.
type Predict struct {
	Name   string   `arg:"" names:"deployment" help:"Deployment."`
	Entity []string `short:"e" sep:"none" help:"Entity key: COLUMN=VALUE, several columns joined by commas; may be given again." placeholder:"COLUMN=VALUE"`
	Row    []string `short:"r" sep:"none" help:"Row of fields as a JSON object; may be given again." placeholder:"JSON"`
	File   string   `names:"file" help:"CSV file with one entity a line; --keys says which columns name it. Prints a summary." placeholder:"CSV"`
	Keys   []string `help:"Key columns of --file." placeholder:"COLUMN"`
}

type prediction struct {
	ID     string             `json:"id"`
	Label  string             `json:"label,omitempty" doc:"Class; a regression has value instead"`
	Value  *float64           `json:"value,omitempty" doc:"Of a regression"`
	Score  *float64           `json:"score,omitempty"`
	Scores map[string]float64 `json:"scores,omitempty" doc:"By class"`
}

// Answer implements Answerer.
func (*Predict) Answer() any { return predictions{} }

// Otherwise implements Otherwise.
func (*Predict) Otherwise() (string, any) { return "With --file", fileSummary{} }

type predictions struct {
	Model       string       `json:"model"`
	Version     int          `json:"version"`
	Predictions []prediction `json:"predictions"`
}

// answer is the class, or the number of a regression.
func (p prediction) answer() string {
	if p.Value != nil {
		return number(p.Value)
	}
	return p.Label
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.6f", *v)
}

func (c *Predict) Run(e *Env) error {
	if c.File != "" {
		return c.runFile(e)
	}
	body, err := c.body()
	if err != nil {
		return err
	}
	var out predictions
	if err := e.call("POST", path("v1", "predict", c.Name), body, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, p := range out.Predictions {
		rows = append(rows, []string{p.answer(), number(p.Score), classScores(p.Scores)})
	}
	e.Table([]string{"PREDICTION", "SCORE", "BY CLASS"}, rows)
	e.printf("%s/%d\n", out.Model, out.Version)
	return nil
}

func (c *Predict) body() (map[string]any, error) {
	if (len(c.Entity) == 0) == (len(c.Row) == 0) {
		return nil, forge.Errorf(forge.KindInvalid, nil, `give either --entity call_id=7 or --row '{"age": 41, …}'`)
	}
	if len(c.Row) > 0 {
		rows := make([]json.RawMessage, len(c.Row))
		for i, r := range c.Row {
			if !json.Valid([]byte(r)) {
				return nil, forge.Errorf(forge.KindInvalid, nil, "--row %s is not a JSON object", r)
			}
			rows[i] = json.RawMessage(r)
		}
		return map[string]any{"rows": rows}, nil
	}
	entities := make([]map[string]string, len(c.Entity))
	for i, text := range c.Entity {
		entities[i] = map[string]string{}
		for _, kv := range strings.Split(text, ",") {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				return nil, forge.Errorf(forge.KindInvalid, nil, "--entity %s: want COLUMN=VALUE, for example call_id=7", text)
			}
			entities[i][k] = v
		}
	}
	return map[string]any{"entities": entities}, nil
}

func classScores(m map[string]float64) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%s %.4f", k, m[k])
	}
	return strings.Join(keys, "  ")
}

// BatchScore scores a table into another.
type BatchScore struct {
	Ref  string   `arg:"" names:"modelref" help:"Model, for example models:/calls@champion."`
	In   string   `required:"" names:"table" help:"Table or SELECT to score."`
	Out  string   `required:"" names:"table" help:"Table that gets the scores."`
	Keep []string `help:"Columns to carry over; all otherwise."`
	Wait
}

// Answer implements Answerer.
func (*BatchScore) Answer() any { return scored{} }

type scored struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Model    string `json:"model"`
	Version  int    `json:"version"`
	Snapshot string `json:"snapshot"`
}

func (c *BatchScore) Run(e *Env) error {
	out, err := c.score(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printf("%s: %s rows scored by %s/%d\n", out.Table, count(out.Rows), out.Model, out.Version)
	return nil
}

func (c *BatchScore) score(e *Env) (scored, error) {
	var out scored
	_, err := e.start(c.Wait, "/api/batch", map[string]any{"ref": c.Ref, "in": c.In, "out": c.Out, "keep": c.Keep}, &out, nil)
	return out, err
}
