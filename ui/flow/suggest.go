package flow

import "aiforge.dev/forge"

// Suggest drafts a flow that predicts a column of a table: clean, train, deploy,
// watch. It is a beginning to edit, laid out from left to right.
func Suggest(table forge.TableName, target string) (Document, Layout) {
	name := table.Name
	d := Document{
		APIVersion: APIVersion, Kind: "Pipeline",
		Metadata: Metadata{Name: name, Title: "Predict " + target + " from " + table.String()},
		Nodes: map[string]Node{
			"source": {Op: "lake.table@1", Title: "Read " + table.String(), Config: map[string]any{"table": table.String()}},
			"clean": {Op: "recipe.apply@1", Title: "Clean and mask", In: map[string]string{"table": "source.table"},
				Config: map[string]any{"to": "curated." + name}},
			"set": {Op: "features.training-set@1", Title: "Make the training set", In: map[string]string{"labels": "clean.table"},
				Config: map[string]any{"name": name, "label": target}},
			"train": {Op: "train.automl@1", Title: "Train models", In: map[string]string{"set": "set.set"},
				Config: map[string]any{"model": name, "budget": "60s", "alias": "champion"}},
			"deploy": {Op: "serve.deploy@1", Title: "Answer requests", In: map[string]string{"model": "train.model"},
				Config: map[string]any{"name": name, "alias": "champion"}},
		},
	}
	layout := Layout{Nodes: map[string]Point{}}
	for i, id := range []string{"source", "clean", "set", "train", "deploy"} {
		layout.Nodes[id] = Point{X: float64(40 + i*280), Y: 120}
	}
	return d, layout
}
