package duck

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
	bind "github.com/duckdb/duckdb-go-bindings"
)

// The gate for SQL that users write. DuckDB itself has no boundary between users, so
// the first fence is what may be said at all: one SELECT over the tables it was given,
// without functions that reach outside the query. The gate reads DuckDB's own syntax
// tree, before anything is bound or run.

// safeTableFunctions may stand in FROM.
var safeTableFunctions = words("range generate_series unnest repeat repeat_row json_each json_tree")

// refusedFunctions are scalar functions that see or change more than their arguments.
var refusedFunctions = words(`
	getvariable setvariable getenv current_setting set_config query query_table
	nextval currval write_log parse_duckdb_log_message sleep_ms
	json_execute_serialized_sql json_deserialize_sql json_serialize_plan from_substrait get_substrait
	pg_read_file pg_ls_dir lo_import lo_export dblink
	read_text read_blob read_csv read_csv_auto read_json read_json_auto read_ndjson read_parquet parquet_scan glob
	in_search_path current_schemas current_query txid_current
	add_parquet_key which_secret
	obj_description shobj_description col_description format_type get_block_size finalize combine`)

// refusedPrefixes are families of such functions and of system tables.
var refusedPrefixes = []string{"__", "duckdb_", "pragma_", "pg_", "sqlite_", "read_", "write_", "parquet_", "sniff_", "information_schema", "system", "enable_", "disable_", "force_", "checkpoint", "test_"}

// tableRefs are the kinds of things that may stand in FROM.
var tableRefs = words("BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST EMPTY COLUMN_DATA CTE")

var bareVersion = regexp.MustCompile(`(?i)\bfeatures\.([a-z][a-z0-9_]*@[0-9]+)`)

var cteName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,62}$`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

func refusedName(name string) bool {
	if refusedFunctions[name] {
		return true
	}
	for _, p := range refusedPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// gate refuses SQL that is not one SELECT over the given tables and feature views. It
// returns the names of the feature views that the SQL reads.
func (s *session) gate(sql string, tables []view, features map[string]string) ([]string, error) {
	tree, err := s.parse(sql)
	if err != nil {
		return nil, err
	}
	g := gate{tables: map[string]bool{}, ctes: map[string]bool{}, features: features, reads: map[string]bool{}}
	for _, v := range tables {
		g.tables[v.Name.String()] = true
	}
	if err := g.collect(tree); err != nil {
		return nil, err
	}
	if err := g.walk(tree); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(g.reads)), nil
}

// parse returns DuckDB's syntax tree of one SELECT.
func (s *session) parse(sql string) (any, error) {
	out := struct {
		Error   bool   `json:"error"`
		Message string `json:"error_message"`
		Trees   []any  `json:"statements"`
	}{}
	data, err := s.scalar("SELECT json_serialize_sql(CAST($1 AS VARCHAR))", sql)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(data), &out); err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "the SQL could not be understood")
	}
	if m := bareVersion.FindStringSubmatch(sql); out.Error && m != nil {
		out.Message += "\n\nan older version of a feature view is named in quotes: features.\"" + m[1] + "\""
	}
	if out.Error {
		return nil, fail(strings.Replace(out.Message, "Only SELECT statements can be serialized to json!", "only a SELECT can be run here", 1))
	}
	if len(out.Trees) != 1 {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the SQL has %d statements: send one SELECT", len(out.Trees))
	}
	return out.Trees[0], nil
}

// scalar runs SQL with one text argument that returns one text.
func (s *session) scalar(sql, value string) (string, error) {
	st, err := s.compile(sql)
	if err != nil {
		return "", err
	}
	defer st.close()
	if err := (arg{"string", value}).bind(st.st, 1); err != nil {
		return "", err
	}
	var res bind.Result
	defer bind.DestroyResult(&res)
	if bind.ExecutePrepared(st.st, &res) != bind.StateSuccess {
		return "", fail(bind.ResultError(&res))
	}
	chunk := bind.FetchChunk(res)
	defer bind.DestroyDataChunk(&chunk)
	if chunk.Ptr == nil || bind.DataChunkGetSize(chunk) != 1 {
		return "", fail("")
	}
	got := (*stringT)(bind.VectorGetData(bind.DataChunkGetVector(chunk, 0)))
	return string(got.bytes()), nil
}

type gate struct {
	tables   map[string]bool // namespace.name
	ctes     map[string]bool
	features map[string]string
	reads    map[string]bool // those of features that the SQL reads
}

// collect finds the names that WITH defines. They may not look like a file or a
// system table, since the walk does not follow their scopes.
func (g *gate) collect(node any) error {
	return visit(node, func(n map[string]any) error {
		m, ok := n["cte_map"].(map[string]any)
		if !ok {
			return nil
		}
		list, _ := m["map"].([]any)
		for _, e := range list {
			entry, _ := e.(map[string]any)
			key, _ := entry["key"].(string)
			if !cteName.MatchString(key) || refusedName(strings.ToLower(key)) {
				return forge.Errorf(forge.KindDenied, nil, "the name %q after WITH is not allowed: use letters, digits and _", key)
			}
			g.ctes[strings.ToLower(key)] = true
		}
		return nil
	})
}

func (g *gate) walk(node any) error {
	return visit(node, func(n map[string]any) error {
		for _, key := range []string{"from_table", "left", "right"} {
			ref, ok := n[key].(map[string]any)
			if !ok {
				continue
			}
			if _, expression := ref["class"]; expression {
				continue // left and right of a comparison
			}
			if kind, _ := ref["type"].(string); !tableRefs[kind] && !strings.HasSuffix(kind, "_NODE") {
				return forge.Errorf(forge.KindDenied, nil, "%s is not allowed in FROM here: read tables by name", strings.ToLower(kind))
			}
		}
		switch n["type"] {
		case "BASE_TABLE":
			return g.table(n)
		case "TABLE_FUNCTION":
			return tableFunction(n)
		case "SHOW_REF", "PIVOT", "BOUND_TABLE_REF", "DELIM_GET":
			return forge.Errorf(forge.KindDenied, nil, "SHOW, DESCRIBE, SUMMARIZE and PIVOT are not allowed here")
		}
		if name, ok := n["function_name"].(string); ok { // of a function, aggregate or window
			return scalarFunction(n, strings.ToLower(name))
		}
		return nil
	})
}

func (g *gate) table(n map[string]any) error {
	catalog, _ := n["catalog_name"].(string)
	schema, _ := n["schema_name"].(string)
	name, _ := n["table_name"].(string)
	full := strings.ToLower(schema + "." + name)
	switch {
	case catalog == "" && schema == "" && g.ctes[strings.ToLower(name)]:
		return nil
	case (catalog == "" || catalog == "memory") && g.tables[full]:
		return nil
	case (catalog == "" || catalog == "memory") && strings.ToLower(schema) == lake.ViewSchema:
		return g.feature(strings.ToLower(name))
	case catalog == "" && schema == "":
		return forge.Errorf(forge.KindInvalid, nil, "table %q: name tables as NAMESPACE.NAME, for example raw.calls", name)
	}
	return forge.Errorf(forge.KindInvalid, nil, "table %s does not exist", strings.TrimPrefix(catalog+"."+schema+"."+name, "."))
}

// feature notes that the SQL reads a feature view.
func (g *gate) feature(name string) error {
	if g.features == nil {
		return forge.Errorf(forge.KindInvalid, nil, "feature view %s cannot be read here: read the tables that it is made of", name)
	}
	if _, ok := g.features[name]; !ok {
		return forge.Errorf(forge.KindInvalid, nil, "feature view %s does not exist; forge features views lists what is there", name)
	}
	g.reads[name] = true
	return nil
}

func tableFunction(n map[string]any) error {
	f, _ := n["function"].(map[string]any)
	name, _ := f["function_name"].(string)
	schema, _ := f["schema"].(string)
	if schema != "" || !safeTableFunctions[strings.ToLower(name)] {
		return forge.Errorf(forge.KindDenied, nil, "function %s is not allowed in FROM here: read tables by name", name)
	}
	return nil
}

func scalarFunction(n map[string]any, name string) error {
	schema, _ := n["schema"].(string)
	if refusedName(name) || schema != "" && schema != "main" {
		return forge.Errorf(forge.KindDenied, nil, "function %s is not allowed here", name)
	}
	return nil
}

// visit calls f for every object of a JSON tree.
func visit(node any, f func(map[string]any) error) error {
	switch n := node.(type) {
	case map[string]any:
		if err := f(n); err != nil {
			return err
		}
		for _, v := range n {
			if err := visit(v, f); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range n {
			if err := visit(v, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// confine locks the session to the views' files: the second fence, inside DuckDB.
func confine(views []view) []string {
	var files []string
	for _, v := range views {
		for _, f := range v.Files {
			files = append(files, sqltext.Text(f))
		}
	}
	return []string{
		"SET allowed_paths = [" + strings.Join(files, ", ") + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	}
}
