package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/serving/batch"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/ui/flow"
	"aiforge.dev/forge/ui/flowhttp"
)

// openFlows opens the studio's flows over everything opened before.
func (a *App) openFlows(ctx context.Context) error {
	store, err := flow.NewStore(ctx, a.db)
	if err != nil {
		return err
	}
	ops := a.operators()
	a.jobs.Register(flow.Kind, (&flow.Runner{Store: store, Ops: ops}).Run)
	flowhttp.Register(a.server, &flowhttp.Service{Store: store, Ops: ops, Jobs: a.jobs, Cleaning: cleaning{a}})
	return nil
}

// operators is the visible map of what a node of a flow can be.
func (a *App) operators() flow.Operators {
	ops := flow.Operators{}
	for _, o := range []flow.Operator{
		a.tableOperator(), a.recipeOperator(), a.viewsOperator(), a.trainingSetOperator(),
		a.trainOperator(), a.deployOperator(), a.batchOperator(), a.checkOperator(),
	} {
		ops[o.ID] = o
	}
	return ops
}

func tableValue(name string, snapshot int64) flow.Value {
	return flow.Value{Type: flow.Table, Data: map[string]any{"table": name, "snapshot": strconv.FormatInt(snapshot, 10)}}
}

var (
	tableIn  = flow.Port{Name: "table", Title: "Rows", Type: flow.Table}
	tableOut = flow.Port{Name: "table", Title: "Rows", Type: flow.Table}
)

func (a *App) tableOperator() flow.Operator {
	return flow.Operator{
		ID: "lake.table@1", Title: "Read a table", Group: "Data", Doc: "The rows of a table as they are now.",
		Out: []flow.Port{tableOut}, In: []flow.Port{},
		Fields: []flow.Field{{Name: "table", Title: "Table", Type: "table", Required: true, Example: "raw.calls"}},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			scope, err := forge.ScopeFrom(ctx)
			if err != nil {
				return nil, err
			}
			name, err := forge.ParseTableName(s.Text("table"))
			if err != nil {
				return nil, err
			}
			t, err := a.house.Tables.Load(ctx, scope, name)
			if err != nil {
				return nil, err
			}
			s.Report(t.Rows, "")
			return flow.Outputs{"table": tableValue(name.String(), snapshotOf(t))}, nil
		},
	}
}

func snapshotOf(t lake.Table) int64 {
	if t.Snapshot == nil {
		return 0
	}
	return t.Snapshot.ID
}

func (a *App) recipeOperator() flow.Operator {
	return flow.Operator{
		ID: "recipe.apply@1", Title: "Clean and mask", Group: "Prepare", Cached: true,
		Doc: "Applies a stored recipe, or the one that is suggested for the table, and keeps rejected rows apart.",
		In:  []flow.Port{tableIn}, Out: []flow.Port{tableOut},
		Fields: []flow.Field{
			{Name: "recipe", Title: "Recipe", Type: "text", Help: "Name of a stored recipe; empty: the suggested one"},
			{Name: "to", Title: "Into table", Type: "table", Help: "Empty: what the recipe says", Example: "curated.calls"},
		},
		Run: a.runRecipe,
	}
}

func (a *App) runRecipe(ctx context.Context, s flow.Step) (flow.Outputs, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	from, err := forge.ParseTableName(s.In["table"].Text("table"))
	if err != nil {
		return nil, err
	}
	r, err := a.recipeFor(ctx, scope, s.Text("recipe"), from)
	if err != nil {
		return nil, err
	}
	r.From = lake.RecipeFrom{from}
	if to := s.Text("to"); to != "" {
		if r.To, err = forge.ParseTableName(to); err != nil {
			return nil, err
		}
	}
	var done clean.Applied
	if err := a.child(ctx, clean.ApplyKind, "Apply recipe "+r.Name, clean.ApplyArgs{Recipe: r}, &done); err != nil {
		return nil, err
	}
	message := ""
	if done.Rejected > 0 {
		message = fmt.Sprintf("%d rows rejected", done.Rejected)
	}
	s.Report(done.Rows, message)
	t, err := a.house.Tables.Load(ctx, scope, r.To)
	return flow.Outputs{"table": tableValue(r.To.String(), snapshotOf(t))}, err
}

func (a *App) recipeFor(ctx context.Context, scope forge.Scope, name string, from forge.TableName) (lake.Recipe, error) {
	if name == "" {
		r, _, err := a.recipes.Suggest(ctx, scope, from)
		return r, err
	}
	saved, err := a.recipes.Store().Get(ctx, scope, name, 0)
	return saved.Recipe, err
}

func (a *App) viewsOperator() flow.Operator {
	return flow.Operator{
		ID: "features.apply@1", Title: "Features", Group: "Features",
		Doc: "Takes views that there are, or declares them (features.yaml; a changed view gets a new version), and fills the online store.",
		In:  []flow.Port{{Name: "table", Title: "After", Type: flow.Table, Optional: true}},
		Out: []flow.Port{{Name: "views", Title: "Views", Type: flow.Views}},
		Fields: []flow.Field{
			{Name: "views", Title: "Views", Type: "list", Help: "Views that there are; all that the document declares when empty", Example: "call_profile, market"},
			{Name: "document", Title: "features.yaml", Type: "document", Help: "Declares views; empty when they are there"},
			{Name: "online", Title: "Fill the online store", Type: "boolean", Default: true},
		},
		Run: a.runViews,
	}
}

func (a *App) runViews(ctx context.Context, s flow.Step) (flow.Outputs, error) {
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return nil, err
	}
	names := s.List("views")
	if text := s.Text("document"); text != "" {
		doc, err := features.ParseDocument([]byte(text))
		if err != nil {
			return nil, err
		}
		applied, err := a.features.registry.Apply(ctx, scope, doc)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			for _, v := range applied.Versions {
				names = append(names, v.View.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "name the views to use, or give a document that declares them")
	}
	for i, name := range names {
		v, err := a.features.registry.Version(ctx, scope, features.ViewRef{View: name})
		if err != nil {
			return nil, err
		}
		names[i] = fmt.Sprintf("%s@%d", name, v.Number)
	}
	if s.Text("online") != "false" {
		if err := a.child(ctx, "features.materialize", "Fill the online store", map[string]any{}, nil); err != nil {
			return nil, err
		}
	}
	s.Report(0, strings.Join(names, ", "))
	return flow.Outputs{"views": {Type: flow.Views, Data: map[string]any{"views": strings.Join(names, ",")}}}, nil
}

func (a *App) trainingSetOperator() flow.Operator {
	return flow.Operator{
		ID: "features.training-set@1", Title: "Make a training set", Group: "Features", Cached: true,
		Doc: "Joins labels with features as they were known at each label's time. Without views, the table's own columns are the features.",
		In: []flow.Port{
			{Name: "labels", Title: "Labels", Type: flow.Table},
			{Name: "views", Title: "Features", Type: flow.Views, Optional: true},
		},
		Out: []flow.Port{{Name: "set", Title: "Training set", Type: flow.TrainingSet}},
		Fields: []flow.Field{
			{Name: "name", Title: "Name", Type: "text", Required: true, Example: "calls"},
			{Name: "label", Title: "Column to predict", Type: "column", Required: true, Example: "subscribed"},
			{Name: "time", Title: "Column with the label's time", Type: "column"},
		},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			labels, err := forge.ParseTableName(s.In["labels"].Text("table"))
			if err != nil {
				return nil, err
			}
			spec := features.TrainingSetSpec{Name: s.Text("name"), Labels: labels, Time: s.Text("time"), Label: s.Text("label")}
			if v, ok := s.In["views"]; ok {
				spec.Views = strings.Split(v.Text("views"), ",")
			}
			var set features.TrainingSet
			if err := a.child(ctx, "features.training-set", "Make training set "+spec.Name, spec, &set); err != nil {
				return nil, err
			}
			s.Report(set.Rows, "")
			return flow.Outputs{"set": {Type: flow.TrainingSet, Data: map[string]any{"id": set.ID, "name": set.Spec.Name, "table": set.Table.String(), "snapshot": strconv.FormatInt(set.Snapshot, 10)}}}, nil
		},
	}
}

func (a *App) trainOperator() flow.Operator {
	return flow.Operator{
		ID: "train.automl@1", Title: "Train models", Group: "Models", Cached: true,
		Doc: "Tries several model families within a time budget and registers the best, once its ONNX graph has reproduced the trainer's answers.",
		In:  []flow.Port{{Name: "set", Title: "Training set", Type: flow.TrainingSet}},
		Out: []flow.Port{{Name: "model", Title: "Model", Type: flow.Model}},
		Fields: []flow.Field{
			{Name: "model", Title: "Name of the model", Type: "text", Required: true, Example: "calls"},
			{Name: "budget", Title: "Time for the search", Type: "duration", Default: "60s"},
			{Name: "metric", Title: "Rank by", Type: "text", Help: "roc_auc, log_loss, rmse, …; by task when empty"},
			{Name: "alias", Title: "Alias", Type: "text", Default: "champion", Help: "Moved to the new version"},
			{Name: "drop", Title: "Leave out", Type: "list", Help: "Columns not to learn from"},
			{Name: "keep", Title: "Use although it looks like leakage", Type: "list"},
		},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			job, run, err := a.training.trainer.Start(ctx, training.Spec{
				Model: s.Text("model"), TrainingSet: s.In["set"].Text("id"), Budget: s.Text("budget"), Metric: s.Text("metric"),
				Alias: s.Text("alias"), Drop: s.List("drop"), Keep: s.List("keep"), Seed: 7,
			})
			if err != nil {
				return nil, err
			}
			if err := a.tellTrials(ctx, job, s.Report); err != nil {
				return nil, err
			}
			if run, err = a.training.trainer.Run(ctx, run.ID); err != nil {
				return nil, err
			}
			s.Report(run.Rows.Train, fmt.Sprintf("%s, %s %.3f", run.Best, run.Metric, run.Metrics[run.Metric]))
			return flow.Outputs{"model": {Type: flow.Model, Data: map[string]any{"model": run.Spec.Model, "version": run.Version}}}, nil
		},
	}
}

func (a *App) deployOperator() flow.Operator {
	return flow.Operator{
		ID: "serve.deploy@1", Title: "Answer requests", Group: "Serve", Doc: "Makes the model answer under a name; with an alias the deployment follows it.",
		In:  []flow.Port{{Name: "model", Title: "Model", Type: flow.Model}},
		Out: []flow.Port{{Name: "deployment", Title: "Deployment", Type: flow.Deployment}},
		Fields: []flow.Field{
			{Name: "name", Title: "Name", Type: "text", Required: true, Example: "calls"},
			{Name: "alias", Title: "Follow alias", Type: "text", Default: "champion", Help: "Empty: this version for good"},
		},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			scope, err := forge.ScopeFrom(ctx)
			if err != nil {
				return nil, err
			}
			ref := s.In["model"].Text("model") + "/" + s.In["model"].Text("version")
			if alias := s.Text("alias"); alias != "" {
				ref = s.In["model"].Text("model") + "@" + alias
			}
			d, err := a.serving.router.Deploy(ctx, scope, s.Text("name"), ref)
			if err != nil {
				return nil, err
			}
			s.Report(0, fmt.Sprintf("%s/%d answers", d.Model, d.Version))
			return flow.Outputs{"deployment": {Type: flow.Deployment, Data: map[string]any{"name": d.Name, "version": d.Version}}}, nil
		},
	}
}

func (a *App) batchOperator() flow.Operator {
	return flow.Operator{
		ID: "serve.batch@1", Title: "Score a table", Group: "Serve", Cached: true, Doc: "Writes the model's answers for every row into a table.",
		In:  []flow.Port{{Name: "model", Title: "Model", Type: flow.Model}, tableIn},
		Out: []flow.Port{tableOut},
		Fields: []flow.Field{
			{Name: "out", Title: "Into table", Type: "table", Required: true, Example: "scored.calls"},
			{Name: "keep", Title: "Columns to carry over", Type: "list", Help: "All when empty"},
		},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			args := batch.Args{
				Ref: s.In["model"].Text("model") + "/" + s.In["model"].Text("version"), In: s.In["table"].Text("table"), Out: s.Text("out"), Keep: s.List("keep"),
			}
			var done batch.Result
			if err := a.child(ctx, batch.Kind, args.Title(), args, &done); err != nil {
				return nil, err
			}
			s.Report(done.Rows, "")
			return flow.Outputs{"table": tableValue(done.Table, done.Snapshot)}, nil
		},
	}
}

func (a *App) checkOperator() flow.Operator {
	return flow.Operator{
		ID: "monitor.check@1", Title: "Watch for drift", Group: "Watch", Doc: "Compares what the deployment has seen with its training data, and does what its policy says.",
		In:     []flow.Port{{Name: "deployment", Title: "Deployment", Type: flow.Deployment}},
		Out:    []flow.Port{{Name: "report", Title: "Report", Type: flow.Report}},
		Fields: []flow.Field{},
		Run: func(ctx context.Context, s flow.Step) (flow.Outputs, error) {
			name := s.In["deployment"].Text("name")
			job, err := a.watching.watch.Enqueue(ctx, name)
			if err != nil {
				return nil, err
			}
			var out struct {
				Reports []struct {
					Drifted []string `json:"drifted"`
				} `json:"reports"`
				Alerts []struct {
					Text string `json:"text"`
				} `json:"alerts"`
			}
			if err := await(ctx, a.jobs, job, &out); err != nil {
				return nil, err
			}
			message := fmt.Sprintf("%d windows", len(out.Reports))
			if len(out.Alerts) > 0 {
				message = out.Alerts[0].Text
			}
			s.Report(0, message)
			return flow.Outputs{"report": {Type: flow.Report, Data: map[string]any{"deployment": name, "windows": len(out.Reports), "alerts": len(out.Alerts)}}}, nil
		},
	}
}
