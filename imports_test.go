package forge_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "aiforge.dev/forge"

// faceMay is the import table: which other face a folder's packages may import beside
// the root package and internal. Everything not listed here is refused.
var faceMay = map[string][]string{
	"ingest": {"lake"}, "lake": nil, "features": {"lake"}, "training": {"features"}, "serving": {"features"},
	"monitoring": nil, "catalog": nil, "ui": nil, "deploy": nil, "examples": nil,
}

// source is one parsed file; dir is its folder below the root, "" for the root.
type source struct {
	dir, name string
	file      *ast.File
	fset      *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// TestImports parses every file by itself: a test that asks the go command would be
// answered from the test cache after a violation.
func TestImports(t *testing.T) {
	all := parseAll(t)
	if len(all) < 50 {
		t.Fatalf("only %d files found; does the test run in the root folder?", len(all))
	}
	for _, s := range all {
		for _, fault := range importFaults(s) {
			t.Error(fault)
		}
	}
}

// TestScopeComesFromTheToken: a handler gets tenant and project from the context and
// from nowhere else.
func TestScopeComesFromTheToken(t *testing.T) {
	found := 0
	for _, s := range parseAll(t) {
		if !isHandler(s.dir) || s.test() {
			continue
		}
		found++
		for _, fault := range scopeFaults(s) {
			t.Error(fault)
		}
	}
	if found < 5 {
		t.Fatalf("only %d handler files found", found)
	}
}

func parseAll(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch name := d.Name(); {
			case p != "." && strings.HasPrefix(name, "."), name == "node_modules", name == "testdata", p == "data", p == "bin":
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(p) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(p))
		out = append(out, source{dir: strings.TrimPrefix(dir, "."), name: d.Name(), file: f, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// importFaults lists what a file imports and may not.
func importFaults(s source) []string {
	var out []string
	if s.file.Name.Name == "main" && s.dir != "cmd/forge" && !strings.HasPrefix(s.dir, "cmd/forge/") && !strings.HasPrefix(s.dir, "deploy/") {
		out = append(out, fmt.Sprintf("%s/%s: package main belongs below cmd/forge, or below deploy if it only drives the built forge", s.dir, s.name))
	}
	for _, spec := range s.file.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil || mayImport(s.dir, s.test(), to) || s.test() && testsWith(s.file, to) {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s may not import %s: the import table is in imports_test.go", s.fset.Position(spec.Pos()), orRoot(s.dir), to))
	}
	return out
}

// testsWith reports whether a file imports the …test package below a face: it then has
// to name what that package hands out.
func testsWith(f *ast.File, face string) bool {
	return strings.Count(face, "/") == 1+strings.Count(module, "/") && slices.ContainsFunc(f.Imports, func(spec *ast.ImportSpec) bool {
		to, err := strconv.Unquote(spec.Path.Value)
		return err == nil && path.Dir(to) == face && strings.HasSuffix(to, "test")
	})
}

func orRoot(dir string) string {
	if dir == "" {
		return "the root package"
	}
	return dir
}

// mayImport is the table as a function. from is a folder, to an import path.
func mayImport(from string, test bool, to string) bool {
	within, ours := strings.CutPrefix(to, module+"/")
	switch {
	case to == module:
		return true
	case !ours:
		return from != "" || test || !strings.Contains(strings.Split(to, "/")[0], ".") // the root: standard library only
	case top(from) == "cmd":
		return true // and below: nobody else imports cmd
	case top(within) == "cmd":
		return false
	case top(within) == "internal":
		return from != "" || test
	}
	if test && strings.HasSuffix(path.Base(within), "test") {
		return true // the promises of another folder, and what its tests offer
	}
	here := top(from)
	if _, known := faceMay[here]; !known {
		return false // the root, internal, and folders that the table does not know
	}
	if top(within) == here {
		return from != here || test || strings.Count(from, "/") > 0 || here == "ui" // a face does not import what is below it
	}
	return slices.Contains(faceMay[here], within) // the face only, never what is below it
}

func top(dir string) string { first, _, _ := strings.Cut(dir, "/"); return first }

// TestImportTable breaks each rule once: a table that nothing can break holds nothing.
func TestImportTable(t *testing.T) {
	for _, c := range []struct {
		from string
		test bool
		to   string
		may  bool
	}{
		{"", false, "fmt", true}, {"", false, "gopkg.in/yaml.v3", false}, {"", false, module + "/internal/sqldb", false}, {"", false, module + "/lake", false},
		{"internal/jobs", false, module, true}, {"internal/jobs", false, module + "/internal/sqldb", true}, {"internal/jobs", false, "github.com/x/y", true},
		{"internal/jobs", false, module + "/catalog", false}, {"internal/jobs", false, module + "/lake/duck", false},
		{"ingest", false, module + "/lake", true}, {"features", false, module + "/lake", true}, {"training", false, module + "/features", true}, {"serving", false, module + "/features", true},
		{"lake", false, module + "/ingest", false}, {"training", false, module + "/lake", false}, {"monitoring", false, module + "/serving", false}, {"serving", false, module + "/training", false},
		{"lake", false, module + "/lake/duck", false}, {"lake/duck", false, module + "/lake", true}, {"lake/duck", false, module + "/lake/iceberg", true},
		{"ingest/sink", false, module + "/lake", true}, {"ingest/sink", false, module + "/lake/duck", false}, {"ingest/sink", true, module + "/lake/duck", false}, {"ingest/sink", true, module + "/lake/laketest", true},
		{"ingest/sink", false, module + "/lake/laketest", false}, {"serving/oip", false, module + "/monitoring", false}, {"ui/flow", false, module + "/lake", false},
		{"cmd/forge", false, module + "/lake/duck", true}, {"cmd/forge/cli", false, module + "/catalog", true}, {"catalog/store", false, module + "/cmd/forge/cli", false},
		{"unheard", false, module + "/lake", false}, {"unheard", false, module + "/internal/sqldb", true},
	} {
		if got := mayImport(c.from, c.test, c.to); got != c.may {
			t.Errorf("%q (test: %v) imports %q: may %v, want %v", c.from, c.test, c.to, got, c.may)
		}
	}
}

// TestFaceInTests: a test names the types of another face only beside its …test package.
func TestFaceInTests(t *testing.T) {
	for name, c := range map[string]struct {
		file, imports string
		faults        int
	}{
		"with its test package":  {"x_test.go", `"` + module + `/lake"; "` + module + `/lake/laketest"`, 0},
		"without":                {"x_test.go", `"` + module + `/lake"`, 1},
		"another's test package": {"x_test.go", `"` + module + `/lake"; "` + module + `/ingest/ingesttest"`, 1},
		"not in a test":          {"x.go", `"` + module + `/lake"; "` + module + `/lake/laketest"`, 2},
		"what is below the face": {"x_test.go", `"` + module + `/lake/duck"; "` + module + `/lake/laketest"`, 1},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, c.file, "package trainer\nimport ("+c.imports+")\n", parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := importFaults(source{dir: "training/trainer", name: c.file, file: f, fset: fset}); len(got) != c.faults {
			t.Errorf("%s: %v, want %d", name, got, c.faults)
		}
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", "package main", parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]int{"cmd/forge": 0, "cmd/forge/cli": 0, "deploy/bench": 0, "cmd/other": 1, "lake/tool": 1, "": 1} {
		if got := importFaults(source{dir: dir, name: "x.go", file: f, fset: fset}); len(got) != want {
			t.Errorf("package main in %q: %v", dir, got)
		}
	}
}

// isHandler tells a package of HTTP handlers.
func isHandler(dir string) bool {
	base := path.Base(dir)
	return base == "oip" || base == "oipgrpc" || base == "icebergrest" || strings.HasSuffix(base, "http") && base != "http"
}

// places are names under which a request could try to name a place.
var places = regexp.MustCompile(`(?i)^(x-.*)?(tenant|project|scope)([_-]?id)?$|\{(tenant|project|scope)[^}]*\}`)

// scopeFaults lists where a handler makes a scope or a principal of its own, or reads
// one from a path, query, header or body.
func scopeFaults(s source) []string {
	root := rootName(s.file)
	var out []string
	fault := func(n ast.Node, text string) {
		out = append(out, fmt.Sprintf("%s: %s: tenant and project come from forge.ScopeFrom(ctx) only", s.fset.Position(n.Pos()), text))
	}
	fromRoot := func(e ast.Expr, names ...string) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && pkg.Name == root && slices.Contains(names, sel.Sel.Name)
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CompositeLit:
			if fromRoot(x.Type, "Scope", "Principal") && len(x.Elts) > 0 {
				fault(x, "a scope is built here")
			}
		case *ast.CallExpr:
			if fromRoot(x.Fun, "TenantID", "ProjectID", "WithPrincipal") {
				fault(x, "a tenant, project or principal is made here")
			}
			for _, a := range x.Args {
				if text, ok := literal(a); ok && places.MatchString(text) {
					fault(a, "a request's "+text+" is read here")
				}
			}
		case *ast.KeyValueExpr:
			if text, ok := literal(x.Value); ok && strings.Contains(text, "{") && places.MatchString(text) {
				fault(x, "the path "+text+" names a place")
			}
		case *ast.TypeSpec:
			output := strings.HasSuffix(x.Name.Name, "Output")
			ast.Inspect(x.Type, func(n ast.Node) bool {
				if f, ok := n.(*ast.Field); ok && f.Tag != nil && namesPlace(f.Tag.Value, output) {
					fault(f, "a field "+f.Tag.Value+" takes a place from a request")
				}
				return true
			})
		}
		return true
	})
	return out
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// namesPlace reports whether a struct tag takes tenant or project from a request. In a
// type named …Output the JSON name is only shown.
func namesPlace(raw string, output bool) bool {
	text, err := strconv.Unquote(raw)
	if err != nil {
		return false
	}
	for _, key := range []string{"path", "query", "header", "cookie", "form", "json"} {
		name, _, _ := strings.Cut(reflect.StructTag(text).Get(key), ",")
		if name != "" && places.MatchString(name) && !(key == "json" && output) {
			return true
		}
	}
	return false
}

// rootName is the name by which a file imports the root package.
func rootName(f *ast.File) string {
	for _, spec := range f.Imports {
		if spec.Path.Value == strconv.Quote(module) {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return "forge"
		}
	}
	return ""
}

// TestScopeRules feeds handlers that break the rule, each in one way, and one that
// keeps it.
func TestScopeRules(t *testing.T) {
	for name, c := range map[string]struct {
		code  string
		fault bool
	}{
		"literal":     {`func f() any { return forge.Scope{Tenant: "a"} }`, true},
		"zero value":  {`func f() any { return forge.Scope{} }`, false},
		"principal":   {`func f() any { return forge.Principal{Name: "a"} }`, true},
		"conversion":  {`func f(s string) any { return forge.ProjectID(s) }`, true},
		"act as":      {`func f() { forge.WithPrincipal(nil, p) }`, true},
		"query":       {`func f(r *http.Request) any { return r.URL.Query().Get("project") }`, true},
		"header":      {`func f(r *http.Request) any { return r.Header.Get("X-Forge-Tenant") }`, true},
		"path":        {`var op = Op{Path: "/api/projects/{project}/tables"}`, true},
		"query tag":   {"type in struct { P string `query:\"project\"` }", true},
		"header tag":  {"type xOutput struct { P string `header:\"X-Tenant-ID\"` }", true},
		"body":        {"type in struct { Body struct { P string `json:\"project_id,omitempty\"` } }", true},
		"shown":       {"type meOutput struct { Body struct { P string `json:\"project\"` } }", false},
		"from ctx":    {`func f(ctx context.Context) any { s, _ := forge.ScopeFrom(ctx); return s }`, false},
		"other words": {`func f(r *http.Request) any { return r.URL.Query().Get("projection") }`, false},
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.go", "package xhttp\nimport \""+module+"\"\n"+c.code, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := scopeFaults(source{dir: "x/xhttp", name: "x.go", file: f, fset: fset}); (len(got) > 0) != c.fault {
			t.Errorf("%s: %v, want a fault: %v", name, got, c.fault)
		}
	}
}
