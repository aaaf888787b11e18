package flow

import "aiforge.dev/forge"

// Goal is what a drafted flow is for. Only Table and Target must be given.
type Goal struct {
	Table  forge.TableName
	Target string // column to predict, by its name after cleaning
	Time   string // column that says when each row happened; empty: rows have no order
	Name   string // of flow, training set, model and deployment alike; empty: the table's
	Budget string // time for the search; empty: 60s
}

// Suggest drafts a flow that predicts a column of a table: clean, train, deploy,
// watch. It is a beginning to edit, laid out in two lines, as one reads. All that it makes
// has the flow's own name, so that two flows over one table do not write into each
// other's tables and models.
func Suggest(g Goal) (Document, Layout, error) {
	name := g.Name
	if name == "" {
		name = g.Table.Name
	}
	if err := forge.Ident("flow", name); err != nil {
		return Document{}, Layout{}, err
	}
	set := map[string]any{"name": name, "label": g.Target}
	if g.Time != "" {
		set["time"] = g.Time
	}
	budget := g.Budget
	if budget == "" {
		budget = "60s"
	}
	d := Document{
		APIVersion: APIVersion, Kind: "Pipeline",
		Metadata: Metadata{Name: name, Title: "Predict " + g.Target + " from " + g.Table.String()},
		Nodes: map[string]Node{
			"source": {Op: "lake.table@1", Title: "Read " + g.Table.String(), Config: map[string]any{"table": g.Table.String()}},
			"clean": {Op: "recipe.apply@1", Title: "Clean and mask", In: map[string]string{"table": "source.table"},
				Config: map[string]any{"to": "curated." + name}},
			"set": {Op: "features.training-set@1", Title: "Make the training set", In: map[string]string{"labels": "clean.table"}, Config: set},
			"train": {Op: "train.automl@1", Title: "Train models", In: map[string]string{"set": "set.set"},
				Config: map[string]any{"model": name, "budget": budget, "alias": "champion"}},
			"deploy": {Op: "serve.deploy@1", Title: "Answer requests", In: map[string]string{"model": "train.model"},
				Config: map[string]any{"name": name, "alias": "champion"}},
		},
	}
	layout := Layout{Nodes: map[string]Point{}}
	for i, id := range []string{"source", "clean", "set", "train", "deploy"} {
		layout.Nodes[id] = Point{X: float64(40 + i%3*296), Y: float64(40 + i/3*216)}
	}
	return d, layout, nil
}
