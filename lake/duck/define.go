package duck

import (
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// define makes the feature views that a user's query reads. Users wrote them too, so
// each passes the gate by itself, and reads tables only.
func (s *session) define(names []string, r request) error {
	if len(names) == 0 {
		return nil
	}
	if err := s.run("CREATE SCHEMA IF NOT EXISTS " + sqltext.Ident(lake.ViewSchema)); err != nil {
		return err
	}
	for _, name := range names {
		err := s.defineOne(name, r)
		var e *forge.Error
		if errors.As(err, &e) {
			err = forge.Errorf(e.Kind, err, "feature view %s cannot be read: %s", name, e.Text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) defineOne(name string, r request) error {
	sql, err := rewrite(r.Features[name], nil)
	if err != nil {
		return err
	}
	if _, err := s.gate(sql, r.Views, nil); err != nil {
		return err
	}
	return s.run("CREATE VIEW " + sqltext.Ident(lake.ViewSchema) + "." + sqltext.Ident(name) + " AS " + sql)
}
