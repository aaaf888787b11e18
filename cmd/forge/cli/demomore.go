package cli

// DemoGlucose shows dirt, masking and windows per patient on real diaries.
type DemoGlucose struct {
	Budget string `default:"30s" help:"Time for the training."`
}

// highNext labels each reading with whether the patient's next one is above 180 mg/dl.
// Readings of one minute count as one, so that the next one is truly later.
const highNext = `WITH readings AS (
  SELECT patient_id, event_time, max(value) AS value
  FROM curated.glucose WHERE kind = 'glucose' GROUP BY ALL)
SELECT patient_id, event_time, lead(value) OVER (PARTITION BY patient_id ORDER BY event_time) > 180 AS high_next
FROM readings QUALIFY high_next IS NOT NULL`

func (c *DemoGlucose) Run(e *Env) error {
	d, err := newDemo(e, "glucose")
	if err != nil {
		return err
	}
	if c.Budget == "" {
		c.Budget = "30s"
	}
	file := d.file("healthcare_glucose_events.csv")
	return d.all([]step{
		{"1 Ingest: paper diaries, typed in", "ingest healthcare_glucose_events.csv --table raw.glucose", &Ingest{File: file, Table: "raw.glucose", Header: "auto"}},
		{"", "rejects raw.glucose --limit 5", &Rejects{Table: "raw.glucose", Limit: 5}},
		{"2 Prepare: times, values, and the patient's id masked", "recipe apply recipe.yaml", &RecipeApply{File: d.file("recipe.yaml")}},
		{"3 Features: windows per patient, point in time", "features apply features.yaml", &FeaturesApply{File: d.file("features.yaml")}},
		{"", "features training-set glucose --labels-sql '…' --time event_time --label high_next --views last_reading,readings_24h,insulin_6h",
			&FeaturesTrainingSet{Name: "glucose", LabelsSQL: highNext, Time: "event_time", Label: "high_next", Views: []string{"last_reading", "readings_24h", "insulin_6h"}}},
		{"4 Train: is the next reading above 180?", "train glucose --training-set glucose --budget " + c.Budget + " --alias champion",
			&Train{Model: "glucose", TrainingSet: "glucose", Task: "auto", Budget: c.Budget, Seed: 7, Alias: "champion"}},
		{"5 Serve", "features materialize", &FeaturesMaterialize{}},
		{"", "deploy glucose@champion", &Deploy{Ref: "glucose@champion"}},
	})
}

// DemoOrders shows cleaning and customer features on synthetic orders.
type DemoOrders struct{}

func (c *DemoOrders) Run(e *Env) error {
	d, err := newDemo(e, "orders")
	if err != nil {
		return err
	}
	return d.all([]step{
		{"1 Ingest: synthetic orders with the usual dirt", "ingest ecommerce_orders.csv --table raw.orders", &Ingest{File: d.file("ecommerce_orders.csv"), Table: "raw.orders", Header: "auto"}},
		{"2 Prepare", "recipe apply recipe.yaml", &RecipeApply{File: d.file("recipe.yaml")}},
		{"3 Features", "features apply features.yaml", &FeaturesApply{File: d.file("features.yaml")}},
		{"", "features materialize", &FeaturesMaterialize{}},
	})
}
