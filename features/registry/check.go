package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/lake"
)

// checker collects what is wrong with a document.
type checker struct {
	s        *Service
	scope    forge.Scope
	entities map[string]features.Entity // those stored, then those of the document
	problems []forge.FieldError
}

func (c *checker) bad(path, format string, args ...any) {
	c.problems = append(c.problems, forge.FieldError{Path: path, Text: fmt.Sprintf(format, args...)})
}

// badErr takes an error as a problem if the document is to blame for it.
func (c *checker) badErr(path string, err error) error {
	var e *forge.Error
	if errors.As(err, &e) && (e.Kind == forge.KindInvalid || e.Kind == forge.KindNotFound || e.Kind == forge.KindDenied) {
		c.bad(path, "%s", e.Text)
		return nil
	}
	return err
}

// document checks a document, sets its defaults and returns a version per view.
func (c *checker) document(ctx context.Context, doc *features.Document) ([]features.Version, error) {
	c.checkEntities(doc.Entities)
	versions := make([]features.Version, 0, len(doc.Views))
	names := map[string]int{}
	for i := range doc.Views {
		view := &doc.Views[i]
		path := fmt.Sprintf("views[%d]", i)
		if j, twice := names[view.Name]; twice {
			c.bad(path+".name", "view %q is there twice, as views[%d] too", view.Name, j)
			continue
		}
		names[view.Name] = i
		v, err := c.view(ctx, path, view)
		if err != nil {
			return nil, err
		}
		versions = append(versions, v)
	}
	if len(c.problems) > 0 {
		first := c.problems[0]
		more := ""
		if n := len(c.problems) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		return nil, forge.Errorf(forge.KindInvalid, nil, "features: %s: %s%s", first.Path, first.Text, more).With(c.problems...)
	}
	return versions, nil
}

func (c *checker) checkEntities(list []features.Entity) {
	names := map[string]bool{}
	for i := range list {
		e := &list[i]
		path := fmt.Sprintf("entities[%d]", i)
		if err := forge.Ident("entity", e.Name); err != nil {
			c.bad(path+".name", "%s", err)
		} else if names[e.Name] {
			c.bad(path+".name", "entity %q is there twice", e.Name)
		}
		names[e.Name] = true
		if e.Keys == nil {
			e.Keys = []string{} // an entity without keys has one hash, however it was written
		}
		for j, k := range e.Keys {
			if k == "" || slices.Contains(e.Keys[:j], k) {
				c.bad(fmt.Sprintf("%s.keys[%d]", path, j), "key %q: want the name of a column, each once", k)
			}
		}
		c.entities[e.Name] = *e
	}
}

func (c *checker) view(ctx context.Context, path string, view *features.View) (features.Version, error) {
	v := features.Version{View: *view}
	if err := forge.Ident("view", view.Name); err != nil {
		c.bad(path+".name", "%s", err)
	} else if strings.Contains(view.Name, "__") {
		c.bad(path+".name", "view %q: two _ in a row separate a view from its feature, use one", view.Name)
	}
	entity, ok := c.entities[view.Entity]
	if !ok {
		c.bad(path+".entity", "entity %q is not declared: add it to entities, with the columns that are its keys", view.Entity)
	}
	v.Entity = entity
	if _, err := features.ParseTTL(view.TTL); err != nil {
		c.bad(path+".ttl", "%s", err)
	}
	schema, known, err := c.schema(ctx, path, &v.View)
	if err != nil || !known {
		return v, err
	}
	v.Schema = c.columns(path, &v, schema)
	return v, nil
}

// schema is what the view's source gives; known is false where that is a problem.
func (c *checker) schema(ctx context.Context, path string, view *features.View) (schema lake.Schema, known bool, err error) {
	none := forge.TableName{}
	switch {
	case view.SQL == "" && view.Table == none:
		c.bad(path, "say where the rows come from: table or sql")
	case view.SQL != "" && view.Table != none:
		c.bad(path, "it has both table and sql: leave one")
	case view.SQL != "":
		return c.sqlSchema(ctx, path, view)
	default:
		t, err := c.s.house.Tables.Load(ctx, c.scope, view.Table)
		if err != nil {
			return schema, false, c.badErr(path+".table", err)
		}
		return taggedBy(t.Schema, nil), true, nil
	}
	return schema, false, nil
}

func (c *checker) sqlSchema(ctx context.Context, path string, view *features.View) (schema lake.Schema, known bool, err error) {
	if view.SQL, err = pit.Fragment(view.SQL); err == nil {
		schema, err = c.s.describe(ctx, c.scope, view.SQL, nil)
	}
	if err != nil {
		return schema, false, c.badErr(path+".sql", err)
	}
	tables, err := c.s.inputs(ctx, c.scope, view.SQL)
	if err != nil {
		return schema, false, err
	}
	return taggedBy(schema, tables), true, nil
}

// columns finds keys, times and features in the source's schema; it returns the part
// of the schema that the view uses and sets v.Features.
func (c *checker) columns(path string, v *features.Version, schema lake.Schema) lake.Schema {
	used := lake.Schema{}
	find := func(path, name string, fits func(lake.Type) bool, want string) {
		col, ok := schema.Column(name)
		switch {
		case !ok:
			c.bad(path, "there is no column %q%s; there are %s", name, nearest.Meant(name, schema.Names()), listOf(schema))
		case !fits(col.Type):
			c.bad(path, "column %q is %s: %s", name, col.Type, want)
		default:
			used.Columns = append(used.Columns, col)
		}
	}
	for _, k := range v.Entity.Keys {
		find(path+".entity", k, isKey, "a key must be whole numbers, text, a uuid, a date or true/false; cast it in sql")
	}
	if v.View.EventTime == "" {
		c.bad(path+".event_time", "say which column is the time of a row")
	} else {
		find(path+".event_time", v.View.EventTime, pit.IsTime, "the event time must be a timestamp or a date; cast it in sql or in the recipe")
	}
	if v.View.Created != "" {
		find(path+".created", v.View.Created, pit.IsTime, "created must be a timestamp or a date")
	}
	taken := append(slices.Clone(v.Entity.Keys), v.View.EventTime, v.View.Created)
	names := v.View.Columns
	if len(names) == 0 {
		for _, col := range schema.Columns {
			if !slices.Contains(taken, col.Name) {
				names = append(names, col.Name)
			}
		}
	}
	if len(names) == 0 {
		c.bad(path+".columns", "there is no column left to be a feature")
	}
	for i, name := range names {
		at := fmt.Sprintf("%s.columns[%d]", path, i)
		same := func(n string) bool { return strings.EqualFold(n, name) }
		if slices.ContainsFunc(taken, same) {
			c.bad(at, "column %q is a key or a time of the view already", name)
			continue
		}
		if slices.ContainsFunc(names[:i], same) {
			c.bad(at, "column %q is there twice", name)
			continue
		}
		if strings.HasPrefix(strings.ToLower(name), "_forge_") {
			c.bad(at, "column %q: names beginning with _forge_ are taken, rename it", name)
			continue
		}
		find(at, name, func(t lake.Type) bool { return t != lake.Binary }, "bytes cannot be a feature; leave it out of columns")
		if n := len(used.Columns); n > 0 && used.Columns[n-1].Name == name {
			v.Features = append(v.Features, used.Columns[n-1])
		}
	}
	return used
}

func isKey(t lake.Type) bool {
	return t == lake.Int || t == lake.Long || t == lake.String || t == lake.UUID || t == lake.Date || t == lake.Boolean
}

func listOf(s lake.Schema) string {
	names := s.Names()
	if len(names) > 20 {
		names = append(names[:20], "…")
	}
	return strings.Join(names, ", ")
}
