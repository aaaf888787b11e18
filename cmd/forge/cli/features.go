package cli

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// Features declares views, makes training sets and reads vectors.
type Features struct {
	Apply       FeaturesApply       `cmd:"" help:"Declare entities and views; a changed view gets a new version."`
	Views       FeaturesViews       `cmd:"" help:"List views."`
	TrainingSet FeaturesTrainingSet `cmd:"" help:"Join labels with views, point in time, into a training set."`
	Materialize FeaturesMaterialize `cmd:"" help:"Fill the online store with the newest features."`
	Get         FeaturesGet         `cmd:"" help:"Read the feature vector of an entity."`
}

type FeaturesApply struct {
	File string `arg:"" names:"file" help:"features.yaml, or - for standard input."`
}

// Answer implements Answerer.
func (*FeaturesApply) Answer() any { return appliedViews{} }

type appliedViews struct {
	Versions []features.Version `json:"versions"`
	Changed  []string           `json:"changed"`
}

func (c *FeaturesApply) Run(e *Env) error {
	out, err := c.apply(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printVersions(out.Versions)
	if len(out.Changed) == 0 {
		e.printf("nothing changed\n")
	}
	return nil
}

func (c *FeaturesApply) apply(e *Env) (appliedViews, error) {
	var out appliedViews
	b, err := e.readFileOrStdin(c.File)
	if err != nil {
		return out, err
	}
	client, err := e.Client()
	if err != nil {
		return out, err
	}
	resp, err := client.Send(e.Ctx, "POST", "/api/features/apply", "application/yaml", bytes.NewReader(b), "application/json")
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	return out, decode(resp, &out)
}

func (e *Env) printVersions(versions []features.Version) {
	var rows [][]string
	for _, v := range versions {
		names := make([]string, len(v.Features))
		for i, f := range v.Features {
			names[i] = f.Name
		}
		online := ""
		if m := v.Materialized; m != nil {
			online = plural(m.Entities, "entity", "entities")
		}
		rows = append(rows, []string{fmt.Sprintf("%s@%d", v.View.Name, v.Number), v.Entity.Name, strings.Join(names, " "), online})
	}
	e.Table([]string{"VIEW", "ENTITY", "FEATURES", "ONLINE"}, rows)
}

type viewList struct {
	Views []features.Version `json:"views"`
}

func viewNames(o viewList) []string {
	return each(o.Views, func(v features.Version) string { return v.View.Name })
}

type FeaturesViews struct{}

// Answer implements Answerer.
func (*FeaturesViews) Answer() any { return viewList{} }

func (c *FeaturesViews) Run(e *Env) error {
	var out viewList
	if err := e.call("GET", "/api/features/views", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printVersions(out.Views)
	return nil
}

type FeaturesTrainingSet struct {
	Name      string           `arg:"" help:"Name; the training set becomes the table training.NAME."`
	Labels    string           `names:"table" help:"Table with keys, time and label." placeholder:"TABLE"`
	LabelsSQL string           `name:"labels-sql" help:"A SELECT instead of a table, for example with a WHERE on time." placeholder:"SQL"`
	Time      string           `help:"Column with the label's time; needed with views."`
	Label     string           `required:"" help:"Column to predict."`
	Keep      []string         `help:"Further label columns to keep."`
	Views     []string         `names:"view" help:"Views, newest version or VIEW@N; without any, the table's own columns are learnt from."`
	AsOf      map[string]int64 `help:"Read a table at a snapshot: TABLE=SNAPSHOT."`
	Wait
}

// Answer implements Answerer.
func (*FeaturesTrainingSet) Answer() any { return features.TrainingSet{} }

func (c *FeaturesTrainingSet) Run(e *Env) error {
	set, err := c.make(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(set); done {
		return err
	}
	e.printf("training set %s: %s rows, %d features in %s\n", set.Spec.Name, count(set.Rows), featureCount(set), set.Table)
	return nil
}

func (c *FeaturesTrainingSet) make(e *Env) (features.TrainingSet, error) {
	spec := features.TrainingSetSpec{
		Name: c.Name, LabelsSQL: c.LabelsSQL, Time: c.Time, Label: c.Label, Keep: c.Keep, Views: c.Views, AsOf: c.AsOf,
	}
	var set features.TrainingSet
	if c.Labels != "" {
		name, err := forge.ParseTableName(c.Labels)
		if err != nil {
			return set, err
		}
		spec.Labels = name
	}
	_, err := e.start(c.Wait, "/api/features/training-sets", spec, &set, nil)
	return set, err
}

func featureCount(set features.TrainingSet) int {
	n := 0
	for _, c := range set.Columns {
		if c.Role == "feature" || c.Role == "kept" {
			n++
		}
	}
	return n
}

type FeaturesMaterialize struct {
	Views []string `arg:"" optional:"" names:"view" help:"Views; all online ones otherwise."`
	Wait
}

// Answer implements Answerer.
func (*FeaturesMaterialize) Answer() any { return materialized{} }

type materialized struct {
	Views []struct {
		View     string `json:"view"`
		Version  int    `json:"version"`
		Entities int64  `json:"entities"`
		Skipped  bool   `json:"skipped"`
	} `json:"views"`
}

func (c *FeaturesMaterialize) Run(e *Env) error {
	out, err := c.run(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	for _, v := range out.Views {
		e.printf("%s@%d: %s online\n", v.View, v.Version, plural(v.Entities, "entity", "entities"))
	}
	return nil
}

func (c *FeaturesMaterialize) run(e *Env) (materialized, error) {
	var out materialized
	_, err := e.start(c.Wait, "/api/features/materialize", map[string]any{"views": c.Views}, &out, nil)
	return out, err
}

type FeaturesGet struct {
	Views  []string          `arg:"" names:"view" help:"VIEW, VIEW@N or VIEW:FEATURE."`
	Entity map[string]string `short:"e" help:"Key of the entity: COLUMN=VALUE." placeholder:"COLUMN=VALUE"`
}

type vectors struct {
	Features []string `json:"features"`
	Vectors  []struct {
		Values []any        `json:"values" doc:"In the order of features; NaN and infinities are texts"`
		Status []string     `json:"status" enum:"present,null,not_found,expired"`
		Event  []*time.Time `json:"event" doc:"When each value was true; null where there is no row"`
	} `json:"vectors"`
}

// Answer implements Answerer.
func (*FeaturesGet) Answer() any { return vectors{} }

func (c *FeaturesGet) Run(e *Env) error {
	entity := c.Entity
	if entity == nil {
		entity = map[string]string{}
	}
	var out vectors
	body := map[string]any{"views": c.Views, "entities": []map[string]string{entity}}
	if err := e.call("POST", "/api/features/get", body, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, v := range out.Vectors {
		cells := texts(v.Values)
		for i, name := range out.Features {
			at := ""
			if i < len(v.Event) && v.Event[i] != nil {
				at = v.Event[i].UTC().Format(time.DateTime)
			}
			rows = append(rows, []string{name, cells[i], v.Status[i], at})
		}
	}
	e.Table([]string{"FEATURE", "VALUE", "STATUS", "AS OF"}, rows)
	return nil
}
