package catalog_test

import (
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
)

// TestPolicy spells every role × permission out, so that a change of the policy is a
// change of this table.
func TestPolicy(t *testing.T) {
	const yes, no = true, false
	perms := []forge.Permission{forge.PermRead, forge.PermWrite, forge.PermPredict, forge.PermAdmin, forge.PermPublic, forge.PermSelf, "", "drop"}
	for role, want := range map[forge.Role][]bool{
		forge.RoleOwner:   {yes, yes, yes, yes, no, no, no, no},
		forge.RoleEditor:  {yes, yes, yes, no, no, no, no, no},
		forge.RoleViewer:  {yes, no, yes, no, no, no, no, no},
		forge.RolePredict: {no, no, yes, no, no, no, no, no},
		"":                {no, no, no, no, no, no, no, no},
		"root":            {no, no, no, no, no, no, no, no},
	} {
		shown := map[forge.Permission]bool{}
		for _, p := range catalog.Permissions(role) {
			shown[p] = true
		}
		for i, p := range perms {
			if catalog.Allows(role, p) != want[i] || shown[p] != want[i] {
				t.Errorf("%q × %q: allows %v, shown %v, want %v", role, p, catalog.Allows(role, p), shown[p], want[i])
			}
		}
	}
}

// TestLower: of two roles the one that may do less, which may do nothing that the
// other may not.
func TestLower(t *testing.T) {
	roles := []forge.Role{forge.RoleOwner, forge.RoleEditor, forge.RoleViewer, forge.RolePredict}
	for i, a := range roles {
		for j, b := range roles {
			low := catalog.Lower(a, b)
			if low != roles[max(i, j)] {
				t.Errorf("lower of %s and %s is %s", a, b, low)
			}
			for _, p := range catalog.Permissions(low) {
				if !catalog.Allows(a, p) || !catalog.Allows(b, p) {
					t.Errorf("lower of %s and %s may %s", a, b, p)
				}
			}
		}
	}
}
