package pit_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/lake"
	_ "github.com/duckdb/duckdb-go/v2"
)

// open gives a database whose session is not in UTC: no answer may depend on it.
func open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	exec(t, db, "SET TimeZone = 'America/Los_Angeles'")
	exec(t, db, "CREATE SCHEMA raw")
	return db
}

func exec(t testing.TB, db *sql.DB, q string) {
	t.Helper()
	if _, err := db.Exec(q); err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
}

// TestRandom compares the compiled join with the rules written out as loops.
func TestRandom(t *testing.T) {
	db := open(t)
	for seed := range uint64(300) {
		c := newCase(rand.New(rand.NewPCG(seed, 7)))
		c.load(t, db)
		plan, err := pit.Compile(c.labelSide(), c.versions())
		if err != nil {
			t.Fatal(err)
		}
		got := query(t, db, plan.SQL)
		want := c.oracle()
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s\nof %s\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"), c, plan.SQL)
		}
	}
}

// TestNewest compares the online rows with the rules at one moment.
func TestNewest(t *testing.T) {
	db := open(t)
	for seed := range uint64(150) {
		c := newCase(rand.New(rand.NewPCG(seed, 8)))
		c.load(t, db)
		now := time.UnixMicro(8 * tick).UTC()
		for _, v := range c.views {
			got := query(t, db, pit.Newest(v.version(), now))
			slices.Sort(got)
			if want := v.newest(now.UnixMicro()); !slices.Equal(got, want) {
				t.Fatalf("seed %d, view %s: got\n%s\nwant\n%s\nof %s", seed, v.name, strings.Join(got, "\n"), strings.Join(want, "\n"), c)
			}
			later := query(t, db, pit.Later(v.version(), now))
			if want := fmt.Sprint(v.later(now.UnixMicro())); later[0] != want {
				t.Fatalf("seed %d: %s rows later, want %s", seed, later[0], want)
			}
		}
	}
}

func query(t testing.TB, db *sql.DB, q string) []string {
	t.Helper()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatalf("%v\n%s", err, q)
	}
	defer rows.Close()
	cols, _ := rows.Columns()
	var out []string
	for rows.Next() {
		vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(vals))
		for i, v := range vals {
			if at, ok := v.(time.Time); ok {
				v = at.UnixMicro()
			}
			line[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(line, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	labelSchema = lake.Schema{Columns: []lake.Column{{Name: "a", Type: lake.Long}, {Name: "b", Type: lake.String}, {Name: "t", Type: lake.Timestamp}, {Name: "y", Type: lake.Long}, {Name: "Extra col", Type: lake.String}}}
	viewSchema  = lake.Schema{Columns: []lake.Column{{Name: "a", Type: lake.Int}, {Name: "b", Type: lake.String}, {Name: "at", Type: lake.Timestamp}, {Name: "cr", Type: lake.Timestamp}, {Name: "f", Type: lake.Long}, {Name: "g", Type: lake.String}}}
)

// TestNames: a feature keeps its name unless something else is called the same.
func TestNames(t *testing.T) {
	view := func(name string, cols ...string) features.Version {
		v := features.Version{View: features.View{Name: name, Table: forge.TableName{Namespace: "raw", Name: name}, EventTime: "at"}, Entity: features.Entity{Name: "e", Keys: []string{"a"}}, Number: 2, Schema: viewSchema}
		for _, c := range cols {
			v.Features = append(v.Features, lake.Column{Name: c, Type: lake.Long})
		}
		return v
	}
	labels := pit.Labels{SQL: "SELECT 1", Schema: labelSchema, Time: "t", Label: "y", Keep: []string{"Extra col", "a"}}
	plan, err := pit.Compile(labels, []features.Version{view("one", "f", "x", "Y"), view("two", "F", "z")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range plan.Columns {
		got = append(got, c.Role+" "+c.Name+" "+c.From)
	}
	want := []string{"key a ", "time t ", "label y ", "kept Extra col ", "feature one__f one@2.f", "feature x one@2.x", "feature one__Y one@2.Y", "feature two__F two@2.F", "feature z two@2.z"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if _, err := pit.Compile(labels, []features.Version{view("one", "f"), view("one", "f")}); forge.KindOf(err) != forge.KindInvalid {
		t.Errorf("the same view twice: %v", err)
	}
}

func TestRefused(t *testing.T) {
	good := pit.Labels{SQL: "SELECT 1", Schema: labelSchema, Time: "t", Label: "y"}
	view := features.Version{View: features.View{Name: "v", EventTime: "at"}, Entity: features.Entity{Keys: []string{"a"}}, Schema: viewSchema, Features: []lake.Column{{Name: "f"}}}
	for name, change := range map[string]func(*pit.Labels, *features.Version){
		"no time":     func(l *pit.Labels, _ *features.Version) { l.Time = "when" },
		"not a time":  func(l *pit.Labels, _ *features.Version) { l.Time = "b" },
		"no label":    func(l *pit.Labels, _ *features.Version) { l.Label = "subscribed" },
		"label = key": func(l *pit.Labels, _ *features.Version) { l.Label = "a" },
		"no kept":     func(l *pit.Labels, _ *features.Version) { l.Keep = []string{"nothing"} },
		"no key":      func(_ *pit.Labels, v *features.Version) { v.Entity.Keys = []string{"patient"} },
		"key of another type": func(l *pit.Labels, _ *features.Version) {
			l.Schema = lake.Schema{Columns: slices.Clone(l.Schema.Columns)}
			l.Schema.Columns[0].Type = lake.String
		},
	} {
		l, v := good, view
		change(&l, &v)
		if _, err := pit.Compile(l, []features.Version{v}); forge.KindOf(err) != forge.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pit.Compile(good, []features.Version{view}); err != nil {
		t.Error(err)
	}
}
