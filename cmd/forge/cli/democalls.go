package cli

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/training"
)

// DemoCalls trains on the bank's calls up to May 2009 and then lets the following
// months arrive as they did in life. Nothing is injected: the drift, the fall of the
// metric and the gain of retraining are in the data.
type DemoCalls struct {
	Until  string `default:"2010-11" help:"Last month to let arrive."`
	Again  bool   `help:"Run it again although it has run."`
	Budget string `default:"60s" help:"Time for the first training."`
}

const (
	callsFile   = "marketing_bank_calls.csv"
	historyEnds = "2009-05"
)

func (c *DemoCalls) Run(e *Env) error {
	c.defaults()
	var m training.Model
	err := e.call("GET", "/api/models/calls", nil, &m)
	if err == nil && m.Aliases["champion"] > 0 && !c.Again {
		e.printf("the demo has run already: forge models calls, forge drift calls --no-check, forge alerts show what it found; forge demo calls --again runs it once more\n")
		return nil
	}
	if err != nil && forge.KindOf(err) != forge.KindNotFound {
		return err
	}
	d, err := newDemo(e, "calls")
	if err != nil {
		return err
	}
	months, err := d.splitMonths()
	if err != nil {
		return err
	}
	if err := c.build(d); err != nil {
		return err
	}
	return c.live(d, months)
}

func (c *DemoCalls) defaults() {
	if c.Until == "" {
		c.Until = "2010-11"
	}
	if c.Budget == "" {
		c.Budget = "60s"
	}
}

// build is steps 1 to 6: from the file to a deployed model and a scored table.
func (c *DemoCalls) build(d *demo) error {
	history := d.file("calls-until-" + historyEnds + ".csv")
	return d.all([]step{
		{"1 Ingest: the file as it stood at the end of May 2009", "ingest " + history + " --table raw.calls", &Ingest{File: history, Table: "raw.calls", Header: "auto"}},
		{"2 Prepare: a recipe, step by step", "recipe apply recipe.yaml", &RecipeApply{File: d.file("recipe.yaml")}},
		{"3 Features: two views, joined point in time", "features apply features.yaml", &FeaturesApply{File: d.file("features.yaml")}},
		{"", "features training-set calls --labels curated.calls --time call_time --label subscribed --views call_profile,market", trainingSetOfCalls()},
		{"", "features materialize", &FeaturesMaterialize{}},
		{"", "features get call_profile market -e call_id=32000", &FeaturesGet{Views: []string{"call_profile", "market"}, Entity: map[string]string{"call_id": "32000"}}},
		{"4 Train: what can be known before the call", "train calls --training-set calls --budget " + c.Budget + " --alias champion",
			&Train{Model: "calls", TrainingSet: "calls", Task: "auto", Budget: c.Budget, Seed: 7, Alias: "champion"}},
		{"5 Serve", "deploy calls@champion", &Deploy{Ref: "calls@champion"}},
		{"", "predict calls -e call_id=32000", &Predict{Name: "calls", Entity: []string{"call_id=32000"}}},
		{"6 Batch", "batch-score models:/calls@champion --in curated.calls --out scored.calls", &BatchScore{Ref: "models:/calls@champion", In: "curated.calls", Out: "scored.calls"}},
		{"", "flow apply flow.yaml", &FlowApply{File: d.file("flow.yaml")}},
		{"7 Monitor", "monitor set calls monitor.yaml", &MonitorSet{Deployment: "calls", File: d.file("monitor.yaml")}},
	})
}

func trainingSetOfCalls() *FeaturesTrainingSet {
	return &FeaturesTrainingSet{Name: "calls", Labels: "curated.calls", Time: "call_time", Label: "subscribed", Views: []string{"call_profile", "market"}}
}

// live is steps 7 and 8: month by month new calls, predictions, labels, drift, and
// what the policy does about it.
func (c *DemoCalls) live(d *demo, months []string) error {
	d.title("8 The following months, as they came")
	e := d.e
	quiet := *e
	quiet.TTY = false
	var rows [][]string
	for _, month := range months {
		if month > c.Until {
			break
		}
		row, err := liveMonth(d, &quiet, month)
		if err != nil {
			return fmt.Errorf("month %s: %w", month, err)
		}
		rows = append(rows, row)
		if !e.JSON {
			e.printf("%s\n", strings.Join(row, "  "))
		}
	}
	d.title("9 Where the answer comes from")
	if err := d.shown("lineage calls@champion", &Lineage{Ref: "calls@champion"}); err != nil {
		return err
	}
	if err := d.shown("alerts calls", &Alerts{Deployment: "calls"}); err != nil {
		return err
	}
	return d.shown(`sql "select prediction, count(*) n, avg(score) score from scored.calls group by 1 order by 1"`,
		&SQL{Query: "select prediction, count(*) n, avg(score) score from scored.calls group by 1 order by 1", Limit: 10, Timeout: "60s", Format: "table"})
}

// liveMonth lets one month arrive: its calls are loaded, predicted one by one through
// the API with the model of the day, and checked once their outcome is known.
func liveMonth(d *demo, e *Env, month string) ([]string, error) {
	file := d.file("calls-" + month + ".csv")
	if _, err := (&Ingest{File: file, Table: "raw.calls", Header: "auto"}).load(e); err != nil {
		return nil, err
	}
	if _, err := (&RecipeApply{File: d.file("recipe.yaml")}).apply(e); err != nil {
		return nil, err
	}
	if _, err := (&FeaturesMaterialize{}).run(e); err != nil {
		return nil, err
	}
	sum, err := (&Predict{Name: "calls", File: file, Keys: []string{"call_id"}}).predictFile(e)
	if err != nil {
		return nil, err
	}
	out, err := (&Drift{Deployment: "calls", Check: true}).check(e)
	if err != nil {
		return nil, err
	}
	row := []string{month, fmt.Sprintf("%5d calls", sum.Rows)}
	if r := reportOf(out.Reports, month); r != nil {
		row = append(row, fmt.Sprintf("v%d", r.Version))
		if r.Performance != nil {
			row = append(row, headline(r.Performance.Metrics))
		}
		if len(r.Drifted) > 0 {
			row = append(row, "drift: "+driftList(*r))
		}
	}
	for _, a := range out.Alerts {
		text, err := awaitAnswer(e, a)
		if err != nil {
			return nil, err
		}
		row = append(row, "\n         "+text)
	}
	return row, nil
}

func reportOf(reports []monitoring.Report, month string) *monitoring.Report {
	for i := len(reports) - 1; i >= 0; i-- {
		if reports[i].From.Format("2006-01") == month {
			return &reports[i]
		}
	}
	return nil
}

// awaitAnswer waits for the retraining that an alert started and says how it ended.
func awaitAnswer(e *Env, a monitoring.Alert) (string, error) {
	if a.Job == "" {
		return "alert: " + a.Text, nil
	}
	var j jobs.Job
	if err := e.call("GET", path("api", "jobs", a.Job), nil, &j); err != nil {
		return "", err
	}
	var answer struct {
		Outcome string `json:"outcome"`
	}
	if _, err := e.follow(j, &answer, nil); err != nil {
		return "", err
	}
	return "alert: " + a.Text + "\n         answer: " + answer.Outcome, nil
}

// splitMonths writes the history as one file and each later month as its own, as
// they would have been delivered, and returns the later months in order.
func (d *demo) splitMonths() ([]string, error) {
	b, err := os.ReadFile(d.file(callsFile))
	if err != nil {
		return nil, err
	}
	header, rest, _ := bytes.Cut(b, []byte("\n"))
	parts := map[string][]byte{}
	for line := range bytes.Lines(rest) {
		month := string(bytes.SplitN(line, []byte(","), 3)[1])
		if month <= historyEnds {
			month = "until-" + historyEnds
		}
		parts[month] = append(parts[month], line...)
	}
	var months []string
	for month, lines := range parts {
		if err := d.write("calls-"+month+".csv", append(append(bytes.Clone(header), '\n'), lines...)); err != nil {
			return nil, err
		}
		if _, err := time.Parse("2006-01", month); err == nil {
			months = append(months, month)
		}
	}
	sort.Strings(months)
	return months, nil
}
