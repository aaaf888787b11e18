package store

import (
	"context"
	"database/sql"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/internal/sqldb"
)

// Account is a person with the hash of the password.
type Account struct {
	catalog.User
	Tenant   forge.TenantID
	Password string
}

const accountColumns = `tenant, id, email, name, password, created`

func scanAccount(row *sql.Row) (Account, error) {
	var a Account
	var created int64
	err := row.Scan(&a.Tenant, &a.ID, &a.Email, &a.Name, &a.Password, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return a, forge.Errorf(forge.KindNotFound, nil, "this account does not exist")
	}
	a.Created = sqldb.Time(created)
	return a, err
}

// AccountByEmail finds an account of any tenant: an address belongs to one.
func (s *Store) AccountByEmail(ctx context.Context, email string) (Account, error) {
	return scanAccount(s.db.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account WHERE email = $1`, email))
}

// Account finds an account of a tenant.
func (s *Store) Account(ctx context.Context, tenant forge.TenantID, id forge.UserID) (Account, error) {
	return scanAccount(s.db.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM account WHERE tenant = $1 AND project = '' AND id = $2`, tenant, id))
}

// Home is where somebody works who has just signed in: the project that he or she
// belongs to longest.
func (s *Store) Home(ctx context.Context, a Account) (forge.Scope, forge.Role, error) {
	scope := forge.Scope{Tenant: a.Tenant}
	var role forge.Role
	err := s.db.QueryRowContext(ctx, `SELECT project, role FROM member WHERE tenant = $1 AND account = $2 ORDER BY created, project LIMIT 1`, a.Tenant, a.ID).Scan(&scope.Project, &role)
	if errors.Is(err, sql.ErrNoRows) {
		return scope, "", forge.Errorf(forge.KindDenied, nil, "%s is no member of any project; ask an owner for an invitation", a.Email)
	}
	return scope, role, err
}

// Role returns what user is in a project, or not_found.
func (s *Store) Role(ctx context.Context, scope forge.Scope, user forge.UserID) (forge.Role, error) {
	var role forge.Role
	err := s.db.QueryRowContext(ctx, `SELECT role FROM member WHERE tenant = $1 AND project = $2 AND account = $3`, scope.Tenant, scope.Project, user).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noMember(user)
	}
	return role, err
}

func noMember(user forge.UserID) error {
	return forge.Errorf(forge.KindNotFound, nil, "%q is no member of this project", user)
}

// Members lists a project's members by address.
func (s *Store) Members(ctx context.Context, scope forge.Scope) ([]catalog.Member, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT m.account, a.email, a.name, m.role FROM member m
		JOIN account a ON a.tenant = m.tenant AND a.project = '' AND a.id = m.account
		WHERE m.tenant = $1 AND m.project = $2 ORDER BY a.email`, scope.Tenant, scope.Project)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []catalog.Member{}
	for rows.Next() {
		var m catalog.Member
		if err := rows.Scan(&m.User, &m.Email, &m.Name, &m.Role); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// AddMember makes the person with this address a member, with a new account when the
// address has none. An address of another tenant is refused.
func (s *Store) AddMember(ctx context.Context, scope forge.Scope, m catalog.Member, password string) (catalog.Member, error) {
	now := sqldb.Micros(s.now())
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		var tenant forge.TenantID
		err := tx.QueryRowContext(ctx, `SELECT tenant, id, name FROM account WHERE email = $1`, m.Email).Scan(&tenant, &m.User, &m.Name)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if password == "" {
				return forge.Errorf(forge.KindInvalid, nil, "%s has no account yet: give a first password for it", m.Email).With(forge.FieldError{Path: "password", Text: "needed for a new account"})
			}
			m.User = forge.UserID(forge.NewID("user"))
			if _, err := tx.ExecContext(ctx, `INSERT INTO account (tenant, project, id, email, name, password, created) VALUES ($1, '', $2, $3, $4, $5, $6)`,
				scope.Tenant, m.User, m.Email, m.Name, password, now); sqldb.IsUnique(err) {
				return forge.Errorf(forge.KindConflict, err, "an account for %s is being made at this moment; try again", m.Email)
			} else if err != nil {
				return err
			}
		case err != nil:
			return err
		case tenant != scope.Tenant:
			return forge.Errorf(forge.KindConflict, nil, "the address %s cannot be used here; use another one", m.Email)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO member (tenant, project, account, role, created) VALUES ($1, $2, $3, $4, $5)`, scope.Tenant, scope.Project, m.User, m.Role, now)
		if sqldb.IsUnique(err) {
			return forge.Errorf(forge.KindConflict, err, "%s is a member of this project already", m.Email)
		}
		return err
	})
	return m, err
}

// SetRole changes what a member may do; the last owner stays one.
func (s *Store) SetRole(ctx context.Context, scope forge.Scope, user forge.UserID, role forge.Role) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if role != forge.RoleOwner {
			if err := keepsOwner(ctx, tx, scope, user); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, `UPDATE member SET role = $1 WHERE tenant = $2 AND project = $3 AND account = $4`, role, scope.Tenant, scope.Project, user)
		return changed(res, err, noMember(user))
	})
}

// RemoveMember ends a membership and the person's sign-ins to the project.
func (s *Store) RemoveMember(ctx context.Context, scope forge.Scope, user forge.UserID) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := keepsOwner(ctx, tx, scope, user); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM member WHERE tenant = $1 AND project = $2 AND account = $3`, scope.Tenant, scope.Project, user)
		if err := changed(res, err, noMember(user)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE refresh_family SET ended = $1 WHERE tenant = $2 AND project = $3 AND account = $4 AND ended = 0`,
			sqldb.Micros(s.now()), scope.Tenant, scope.Project, user)
		return err
	})
}

// keepsOwner refuses when the project would be without an owner.
func keepsOwner(ctx context.Context, tx *sql.Tx, scope forge.Scope, user forge.UserID) error {
	var others, self int
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN account <> $1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN account = $1 THEN 1 ELSE 0 END), 0)
		FROM member WHERE tenant = $2 AND project = $3 AND role = 'owner'`, user, scope.Tenant, scope.Project).Scan(&others, &self)
	if err == nil && self > 0 && others == 0 {
		return forge.Errorf(forge.KindConflict, nil, "this is the project's last owner: make somebody else an owner first")
	}
	return err
}

// SetPassword stores a new password hash and ends all sign-ins of the account but the
// one with the id keep.
func (s *Store) SetPassword(ctx context.Context, tenant forge.TenantID, user forge.UserID, hash, keep string) error {
	return s.db.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE account SET password = $1 WHERE tenant = $2 AND project = '' AND id = $3`, hash, tenant, user)
		if err := changed(res, err, noMember(user)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE refresh_family SET ended = $1 WHERE tenant = $2 AND account = $3 AND ended = 0 AND id <> $4`, sqldb.Micros(s.now()), tenant, user, keep)
		return err
	})
}

// Rehash stores another hash of the same password.
func (s *Store) Rehash(ctx context.Context, tenant forge.TenantID, user forge.UserID, hash string) error {
	res, err := s.db.ExecContext(ctx, `UPDATE account SET password = $1 WHERE tenant = $2 AND project = '' AND id = $3`, hash, tenant, user)
	return changed(res, err, noMember(user))
}

// ProjectsOf lists the projects that an account works in, by title.
func (s *Store) ProjectsOf(ctx context.Context, tenant forge.TenantID, user forge.UserID) ([]catalog.Membership, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT m.project, p.title, m.role FROM member m
		JOIN project p ON p.tenant = m.tenant AND p.project = m.project
		WHERE m.tenant = $1 AND m.account = $2 ORDER BY p.title, m.project`, tenant, user)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []catalog.Membership{}
	for rows.Next() {
		var m catalog.Membership
		if err := rows.Scan(&m.Project, &m.Title, &m.Role); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// Memberships counts the projects that an account works in.
func (s *Store) Memberships(ctx context.Context, tenant forge.TenantID, user forge.UserID) (int, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM member WHERE tenant = $1 AND account = $2`, tenant, user).Scan(&n)
	return n, err
}

// SetName changes the name that is shown for an account.
func (s *Store) SetName(ctx context.Context, tenant forge.TenantID, user forge.UserID, name string) error {
	res, err := s.db.ExecContext(ctx, `UPDATE account SET name = $1 WHERE tenant = $2 AND project = '' AND id = $3`, name, tenant, user)
	return changed(res, err, noMember(user))
}
