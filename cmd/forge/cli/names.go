package cli

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/nearest"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/training"
	"github.com/alecthomas/kong"
)

// An argument or flag says by the tag "names" what it is the name of: completion offers
// the names that the server has, and a name that it does not have is answered with the
// nearest one.

// names lists the names of a kind that the server knows.
func names(ctx context.Context, c *Client, kind string) ([]string, error) {
	list, ok := lists()[kind]
	if !ok {
		return nil, fmt.Errorf("no list of %q", kind)
	}
	return list(ctx, c)
}

type lister func(context.Context, *Client) ([]string, error)

// lists is every kind of name.
func lists() map[string]lister {
	return map[string]lister{
		"table":      listed("/api/tables", func(o struct{ Tables []struct{ Name string } }) []string { return each(o.Tables, nameOf) }),
		"sql":        func(ctx context.Context, c *Client) ([]string, error) { return names(ctx, c, "table") },
		"model":      listed("/api/models", func(o modelList) []string { return each(o.Models, func(m training.Model) string { return m.Name }) }),
		"modelref":   listed("/api/models", modelRefs),
		"modelalias": listed("/api/models", modelAliases),
		"deployment": listed("/api/deployments", func(o deploymentList) []string {
			return each(o.Deployments, func(d serving.Deployment) string { return d.Name })
		}),
		"view":        listed("/api/features/views", func(o viewList) []string { return viewNames(o) }),
		"trainingset": listed("/api/features/training-sets", trainingSetNames),
		"flow":        listed("/api/flows", func(o flowList) []string { return flowNames(o) }),
		"job":         listed("/api/jobs?limit=50", func(o jobList) []string { return each(o.Jobs, func(j jobs.Job) string { return j.ID }) }),
		"livejob":     listed("/api/jobs?limit=200", liveJobs),
		"key":         listed("/api/keys", func(o keyList) []string { return keyIDs(o) }),
		"alert":       listed("/api/alerts", alertIDs),
	}
}

func listed[T any](path string, pick func(T) []string) lister {
	return func(ctx context.Context, c *Client) ([]string, error) {
		var out T
		if err := c.Call(ctx, "GET", path, nil, &out); err != nil {
			return nil, err
		}
		return pick(out), nil
	}
}

func each[T any](all []T, f func(T) string) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = f(v)
	}
	return out
}

func nameOf(v struct{ Name string }) string { return v.Name }

func modelRefs(o modelList) []string {
	var out []string
	for _, m := range o.Models {
		for alias := range m.Aliases {
			out = append(out, m.Name+"@"+alias)
		}
		for _, v := range m.Versions {
			out = append(out, fmt.Sprintf("%s/%d", m.Name, v.Number))
		}
	}
	slices.Sort(out)
	return out
}

func modelAliases(o modelList) []string {
	var out []string
	for _, m := range o.Models {
		for alias := range m.Aliases {
			out = append(out, m.Name+"@"+alias)
		}
		if _, has := m.Aliases["champion"]; !has {
			out = append(out, m.Name+"@champion")
		}
	}
	slices.Sort(out)
	return out
}

func trainingSetNames(o struct {
	Sets []struct{ Spec struct{ Name string } } `json:"training_sets"`
}) []string {
	var out []string
	for _, s := range o.Sets {
		if !slices.Contains(out, s.Spec.Name) {
			out = append(out, s.Spec.Name)
		}
	}
	return out
}

func liveJobs(o jobList) []string {
	var out []string
	for _, j := range o.Jobs {
		if !j.State.Done() {
			out = append(out, j.ID)
		}
	}
	return out
}

// Hint is the name that was probably meant when a command failed because something does
// not exist, or "". It looks at the values of the command's arguments and flags that
// the error's text names.
func (e *Env) Hint(cmd *kong.Node, text string) string {
	if cmd == nil || e.client == nil || strings.Contains(text, "did you mean") {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Ctx), time.Second)
	defer cancel()
	values := slices.Clone(cmd.Positional)
	for _, f := range cmd.Flags {
		values = append(values, f.Value)
	}
	for _, v := range values {
		kind := v.Tag.Get("names")
		if _, known := lists()[kind]; !known {
			continue
		}
		var have []string
		for _, given := range given(v, kind) {
			if base, _, _ := strings.Cut(strings.ReplaceAll(given, "@", "/"), "/"); !strings.Contains(text, base) {
				continue // this is not what the error is about
			}
			if have == nil {
				var err error
				if have, err = names(ctx, e.client, kind); err != nil {
					break
				}
			}
			if near := nearest.Name(given, have); near != "" {
				return near
			}
		}
	}
	return ""
}

var tableInSQL = regexp.MustCompile(`\b[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b`)

// given are the names in a value; a SELECT names its tables.
func given(v *kong.Value, kind string) []string {
	var out []string
	switch t := v.Target.Interface().(type) {
	case string:
		out = []string{t}
	case []string:
		out = slices.Clone(t)
	}
	if kind == "sql" {
		return tableInSQL.FindAllString(strings.Join(out, " "), -1)
	}
	for i, s := range out {
		out[i] = strings.TrimPrefix(s, "models:/")
		if kind == "view" { // VIEW@N and VIEW:FEATURE
			out[i], _, _ = strings.Cut(strings.ReplaceAll(out[i], ":", "@"), "@")
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
