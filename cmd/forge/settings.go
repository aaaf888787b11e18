package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"aiforge.dev/forge/cmd/forge/cli"
	"github.com/alecthomas/kong"
)

// configCmd prints the settings that serve, up and doctor would work with here.
type configCmd struct{ Config }

// setting is one line of forge config.
type setting struct {
	Flag     string `json:"flag"`
	Variable string `json:"variable,omitempty"`
	Value    string `json:"value" doc:"Secrets are not shown"`
	Source   string `json:"source" enum:"flag,variable,default"`
}

type settings struct {
	Settings []setting `json:"settings"`
}

// Answer implements cli.Answerer.
func (*configCmd) Answer() any { return settings{} }

func (c *configCmd) Run(e *cli.Env) error {
	var all settings
	for n := e.Parsed.Selected(); n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Name != "help" && f.Name != "json" {
				all.Settings = append(all.Settings, settingOf(e, f))
			}
		}
	}
	c.Data = e.Data
	invalid := c.Validate()
	if e.JSON {
		if err := e.PrintJSON(all); err != nil {
			return err
		}
		return invalid
	}
	var rows [][]string
	for _, s := range all.Settings {
		rows = append(rows, []string{"--" + s.Flag, s.Value, s.Source, s.Variable})
	}
	e.Table([]string{"SETTING", "VALUE", "FROM", "VARIABLE"}, rows)
	return invalid
}

func settingOf(e *cli.Env, f *kong.Flag) setting {
	s := setting{Flag: f.Name, Variable: strings.Join(f.Envs, " "), Value: fmt.Sprint(f.Target.Interface()), Source: "default"}
	for _, name := range f.Envs {
		if _, set := os.LookupEnv(name); set {
			s.Source = "variable"
		}
	}
	if slices.ContainsFunc(e.Parsed.Path, func(p *kong.Path) bool { return p.Flag == f && !p.Resolved }) {
		s.Source = "flag"
	}
	switch {
	case f.Name == "data":
		s.Value = e.Data
	case s.Value == "" || s.Value == "0":
		s.Value = ""
	case f.Name == "token" || strings.HasSuffix(f.Name, "-key") && strings.HasPrefix(f.Name, "s3-"):
		s.Value = "…"
	default:
		s.Value = hidePassword(s.Value)
	}
	return s
}
