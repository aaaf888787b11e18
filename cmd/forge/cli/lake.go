package cli

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"gopkg.in/yaml.v3"
)

// Tables lists tables, or shows one.
type Tables struct {
	Table string `arg:"" optional:"" names:"table" help:"Show this table: columns, size, snapshots."`
}

type tableList struct {
	Tables []lake.Table `json:"tables"`
}

type tableShown struct {
	Table     lake.Table      `json:"table"`
	Snapshots []lake.Snapshot `json:"snapshots" doc:"Its states, newest first"`
}

// Answer implements Answerer.
func (*Tables) Answer() any { return tableList{} }

// Otherwise implements Otherwise.
func (*Tables) Otherwise() (string, any) { return "With TABLE", tableShown{} }

func (c *Tables) Run(e *Env) error {
	if c.Table != "" {
		return c.one(e)
	}
	var out tableList
	if err := e.call("GET", "/api/tables", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Tables) == 0 {
		e.printf("no tables yet: forge ingest FILE.csv --table raw.NAME makes one\n")
		return nil
	}
	var rows [][]string
	for _, t := range out.Tables {
		rows = append(rows, []string{t.Name.String(), count(t.Rows), fmt.Sprint(len(t.Schema.Columns)), t.Updated.Local().Format("2006-01-02 15:04")})
	}
	e.Table([]string{"TABLE", "ROWS", "COLUMNS", "UPDATED"}, rows)
	return nil
}

func (c *Tables) one(e *Env) error {
	var t lake.Table
	if err := e.call("GET", path("api", "tables", c.Table), nil, &t); err != nil {
		return err
	}
	var snaps struct {
		Snapshots []lake.Snapshot `json:"snapshots"`
	}
	if err := e.call("GET", path("api", "tables", c.Table, "snapshots"), nil, &snaps); err != nil {
		return err
	}
	if done, err := e.printJSON(tableShown{t, snaps.Snapshots}); done {
		return err
	}
	e.printf("%s: %s, %s in %s\n\n", t.Name, plural(t.Rows, "row", "rows"), plural(t.Bytes, "byte", "bytes"), plural(int64(t.Files), "file", "files"))
	var rows [][]string
	for _, col := range t.Schema.Columns {
		rows = append(rows, []string{col.Name, string(col.Type), strings.Join(col.Tags, " "), col.Doc})
	}
	e.Table([]string{"COLUMN", "TYPE", "TAGS", "MEANING"}, rows)
	rows = nil
	for _, s := range snaps.Snapshots {
		rows = append(rows, []string{fmt.Sprint(s.ID), s.At.Local().Format("2006-01-02 15:04:05"), s.Operation, count(s.Rows), "+" + count(s.Added), strings.Join(s.Tags, " ")})
	}
	e.printf("\n")
	e.Table([]string{"SNAPSHOT", "AT", "OPERATION", "ROWS", "ADDED", "TAGS"}, rows)
	return nil
}

// SQL runs one SELECT.
type SQL struct {
	Query   string `arg:"" names:"sql" help:"SELECT over tables and feature views (features.VIEW), or - to read it from standard input."`
	Limit   int64  `default:"1000" help:"Most rows to return."`
	Timeout string `default:"60s" help:"Give up after this time."`
	Format  string `enum:"table,csv,ndjson" default:"table" help:"table, csv or ndjson."`
	Exact   bool   `help:"Leave texts in csv as they are: none gets the apostrophe that keeps a spreadsheet from running it as a formula."`
}

type sqlAnswer struct {
	Columns   []lake.Column `json:"columns"`
	Rows      [][]any       `json:"rows" doc:"Values in the order of columns; numbers beyond 2^53 and long decimals are texts"`
	Truncated bool          `json:"truncated" doc:"There were more rows than --limit"`
	MS        float64       `json:"ms"`
}

// Answer implements Answerer.
func (*SQL) Answer() any { return sqlAnswer{} }

func (c *SQL) Run(e *Env) error {
	text := c.Query
	if text == "-" {
		b, err := e.readFileOrStdin("-")
		if err != nil {
			return err
		}
		text = string(b)
	}
	body := map[string]any{"sql": text, "limit": c.Limit, "timeout": c.Timeout}
	var out sqlAnswer
	if err := e.call("POST", "/api/sql", body, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	names := make([]string, len(out.Columns))
	for i, col := range out.Columns {
		names[i] = col.Name
	}
	e.printRows(names, out.Rows, c.Format, c.Exact)
	if out.Truncated {
		fmt.Fprintf(e.Err, "only the first %s rows are shown; --limit changes that\n", count(c.Limit))
	}
	return nil
}

func (e *Env) printRows(names []string, rows [][]any, format string, exact bool) {
	switch format {
	case "ndjson":
		for _, r := range rows {
			line := make(map[string]any, len(r))
			for i, v := range r {
				line[names[i]] = v
			}
			b, _ := json.Marshal(line)
			e.printf("%s\n", b)
		}
	case "csv":
		if !exact {
			disarm(names)
		}
		e.printf("%s\n", csvLine(names))
		for _, r := range rows {
			cells := texts(r)
			if !exact {
				disarm(cells)
			}
			e.printf("%s\n", csvLine(cells))
		}
	default:
		all := make([][]string, len(rows))
		for i, r := range rows {
			all[i] = texts(r)
		}
		e.Table(names, all)
	}
}

func texts(r []any) []string {
	out := make([]string, len(r))
	for i, v := range r {
		switch v := v.(type) {
		case nil:
		case string:
			out[i] = v
		case float64:
			b, _ := json.Marshal(v)
			out[i] = string(b)
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

var plainNumber = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// disarm puts an apostrophe before texts that a spreadsheet would run as formulas, as
// the studio's export does: who fills a form must not run something on the machine of
// who opens the answers. Numbers stay numbers.
func disarm(cells []string) {
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r\n", rune(c[0])) && !plainNumber.MatchString(c) {
			cells[i] = "'" + c
		}
	}
}

func csvLine(cells []string) string {
	out := make([]string, len(cells))
	for i, c := range cells {
		if strings.ContainsAny(c, ",\"\r\n") {
			c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		out[i] = c
	}
	return strings.Join(out, ",")
}

// Recipe suggests, previews and applies cleaning recipes.
type Recipe struct {
	Suggest RecipeSuggest `cmd:"" help:"Suggest a recipe for a table; edit what it prints."`
	Preview RecipePreview `cmd:"" help:"Show what a recipe would do, step by step."`
	Apply   RecipeApply   `cmd:"" help:"Apply a recipe: write its table."`
	List    RecipeList    `cmd:"" help:"List stored recipes."`
}

type RecipeSuggest struct {
	Table string `arg:"" names:"table" help:"Table to look at, for example raw.calls."`
}

type suggestion struct {
	Recipe  json.RawMessage `json:"recipe"`
	Reasons []struct {
		Step   string `json:"step"`
		Column string `json:"column"`
		Text   string `json:"text"`
	} `json:"reasons"`
	YAML string `json:"yaml" doc:"The recipe, with the reasons as comments"`
}

// Answer implements Answerer.
func (*RecipeSuggest) Answer() any { return suggestion{} }

func (c *RecipeSuggest) Run(e *Env) error {
	var out suggestion
	if err := e.call("POST", "/api/recipes/suggest", map[string]string{"table": c.Table}, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printf("%s", out.YAML)
	return nil
}

// recipeFile reads recipe.yaml as JSON for the API.
func (e *Env) recipeFile(name string) (any, error) { return e.yamlFile(name) }

// yamlFile reads a YAML (or JSON) document into plain values.
func (e *Env) yamlFile(name string) (any, error) {
	b, err := e.readFileOrStdin(name)
	if err != nil {
		return nil, err
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "%s is not YAML: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return v, nil
}

type stepCount struct {
	Name     string `json:"name"`
	In       int64  `json:"rows_in"`
	Out      int64  `json:"rows_out"`
	Touched  int64  `json:"rows_touched"`
	Rejected int64  `json:"rejected"`
}

type previewed struct {
	Columns      []lake.Column `json:"columns"`
	Before       [][]any       `json:"before"`
	AfterColumns []lake.Column `json:"after_columns"`
	After        [][]any       `json:"after"`
	Steps        []stepCount   `json:"steps"`
}

// Answer implements Answerer.
func (*RecipePreview) Answer() any { return previewed{} }

type RecipePreview struct {
	File string `arg:"" names:"file" help:"recipe.yaml, or - for standard input."`
	Rows int    `default:"5" help:"Rows to show before and after."`
}

func (c *RecipePreview) Run(e *Env) error {
	recipe, err := e.recipeFile(c.File)
	if err != nil {
		return err
	}
	var out previewed
	if err := e.call("POST", "/api/recipes/preview", map[string]any{"recipe": recipe, "rows": c.Rows}, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printf("before\n")
	e.printRows(columnNames(out.Columns), out.Before, "table", true)
	e.printf("\nafter\n")
	e.printRows(columnNames(out.AfterColumns), out.After, "table", true)
	e.printf("\n")
	e.printSteps(out.Steps)
	return nil
}

func columnNames(cols []lake.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

func (e *Env) printSteps(steps []stepCount) {
	var rows [][]string
	for _, s := range steps {
		rows = append(rows, []string{s.Name, count(s.In), count(s.Out), count(s.Touched), count(s.Rejected)})
	}
	e.Table([]string{"STEP", "ROWS IN", "ROWS OUT", "TOUCHED", "REJECTED"}, rows)
}

// applied is the result of a recipe job.
type applied struct {
	Table    string      `json:"table"`
	Snapshot string      `json:"snapshot"`
	Rows     int64       `json:"rows"`
	Rejected int64       `json:"rejected"`
	Steps    []stepCount `json:"steps"`
}

type RecipeApply struct {
	File string `arg:"" names:"file" help:"recipe.yaml, or - for standard input."`
	Wait
}

// Answer implements Answerer.
func (*RecipeApply) Answer() any { return applied{} }

func (c *RecipeApply) Run(e *Env) error {
	out, err := c.apply(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printSteps(out.Steps)
	e.printf("%s: %s rows", out.Table, count(out.Rows))
	if out.Rejected > 0 {
		e.printf(", %s rejected", count(out.Rejected))
	}
	e.printf("\n")
	return nil
}

func (c *RecipeApply) apply(e *Env) (applied, error) {
	var out applied
	recipe, err := e.recipeFile(c.File)
	if err != nil {
		return out, err
	}
	_, err = e.start(c.Wait, "/api/recipes/apply", map[string]any{"recipe": recipe}, &out, nil)
	return out, err
}

type RecipeList struct{}

type recipeList struct {
	Recipes []struct {
		Name     string    `json:"name"`
		Revision int       `json:"revision"`
		Hash     string    `json:"hash"`
		By       string    `json:"by"`
		At       time.Time `json:"at"`
		Recipe   struct {
			From any    `json:"from" doc:"A table, or tables by name"`
			To   string `json:"to"`
		} `json:"recipe"`
	} `json:"recipes"`
}

// Answer implements Answerer.
func (*RecipeList) Answer() any { return recipeList{} }

func (c *RecipeList) Run(e *Env) error {
	var out recipeList
	if err := e.call("GET", "/api/recipes", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if len(out.Recipes) == 0 {
		e.printf("no recipes yet: forge recipe suggest TABLE writes one\n")
		return nil
	}
	var rows [][]string
	for _, r := range out.Recipes {
		rows = append(rows, []string{r.Name, fmt.Sprint(r.Recipe.From), r.Recipe.To, fmt.Sprint(r.Revision)})
	}
	e.Table([]string{"RECIPE", "FROM", "TO", "REVISION"}, rows)
	return nil
}
