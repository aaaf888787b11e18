package authn

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/store"
)

// Owner is the first account, with its password when it was made just now.
type Owner struct {
	catalog.Member
	Scope    forge.Scope
	Password string // to be shown once; "" when the account existed
}

// Bootstrap makes the first project and its owner on an empty store, and finds them on
// any other. An empty password means a random one.
func (s *Service) Bootstrap(ctx context.Context, first store.First, password string) (Owner, error) {
	first.Owner.Email = NormalEmail(first.Owner.Email)
	made := password
	if made == "" {
		made = NewPassword()
	} else if err := checkPassword(made, first.Owner.Email); err != nil {
		return Owner{}, err
	}
	hash, err := s.hasher.hash(ctx, made)
	if err != nil {
		return Owner{}, err
	}
	m, isNew, err := s.store.Bootstrap(ctx, first, hash)
	if err != nil {
		return Owner{}, err
	}
	o := Owner{Member: m, Scope: first.Scope}
	if isNew {
		o.Password = made
	}
	return o, nil
}

// ownerKeyName is how the key in the token file is listed.
const ownerKeyName = "owner.token (CLI on this machine)"

// OwnerToken makes sure that the file at path, readable by its owner only, has a key
// that works and is the given owner's, so that the CLI on the same machine needs no
// sign-in. A key that the file replaces is revoked.
func (s *Service) OwnerToken(ctx context.Context, path string, o Owner) error {
	if o.User == "" {
		return forge.Errorf(forge.KindNotFound, nil, "there is no owner to make %s for", filepath.Base(path))
	}
	good, err := s.tokenFileWorks(ctx, path, o.Scope)
	if err != nil || good {
		return err
	}
	who := forge.Principal{User: o.User, Name: o.Name, Kind: "person", Role: forge.RoleOwner, Scope: o.Scope}
	ctx = forge.WithPrincipal(ctx, who)
	old, err := s.store.Keys(ctx, o.Scope)
	if err != nil {
		return err
	}
	key, made, err := s.createKey(ctx, who, ownerKeyName, forge.RoleOwner, nil)
	if err != nil {
		return err
	}
	if err := writeSecret(path, key+"\n"); err != nil {
		return errors.Join(forge.Errorf(forge.KindUnavailable, err, "%s cannot be written: %v", path, err), s.RevokeKey(ctx, made.ID))
	}
	for _, k := range old {
		if k.Name == ownerKeyName && k.Revoked == nil {
			if err := s.RevokeKey(ctx, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// tokenFileWorks reports whether the file holds a good owner's key of scope. A key
// that others could read is no good.
func (s *Service) tokenFileWorks(ctx context.Context, path string, scope forge.Scope) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, forge.Errorf(forge.KindUnavailable, err, "%s cannot be read: %v", path, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("the owner's token file could be read by others; its key is replaced", "file", path)
		return false, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return false, forge.Errorf(forge.KindUnavailable, err, "%s cannot be read: %v", path, err)
	}
	p, err := s.Authenticate(ctx, strings.TrimSpace(string(raw)))
	if forge.KindOf(err) == forge.KindDenied && err != nil {
		return false, nil
	}
	return err == nil && p.Scope == scope && p.Role == forge.RoleOwner, err
}

// writeSecret replaces a file whole, with mode 0600 from its first byte on.
func writeSecret(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
