package store

import (
	"context"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
)

// First is what a new, empty store starts with.
type First struct {
	Scope forge.Scope
	Title string
	Owner catalog.Member
}

// Bootstrap makes the first project and its owner, once: true when it did so now.
// password is the hash of the owner's password.
func (s *Store) Bootstrap(ctx context.Context, f First, password string) (catalog.Member, bool, error) {
	projects, err := s.Projects(ctx)
	if err != nil {
		return catalog.Member{}, false, err
	}
	if len(projects) == 0 {
		if _, err := s.CreateProject(ctx, f.Scope, f.Title); err != nil && !errors.Is(err, forge.ErrConflict) {
			return catalog.Member{}, false, err
		}
	} else if projects[0].Scope != f.Scope {
		return catalog.Member{}, false, nil
	}
	members, err := s.Members(ctx, f.Scope)
	if err != nil {
		return catalog.Member{}, false, err
	}
	for _, m := range members { // a start that broke off in between is completed by the next
		if m.Role == forge.RoleOwner {
			return m, false, nil
		}
	}
	m := f.Owner
	m.Role = forge.RoleOwner
	m, err = s.AddMember(ctx, f.Scope, m, password)
	return m, err == nil, err
}
