-- +goose Up
-- Accounts and refresh families belong to a tenant; families also to the project that
-- was signed in to. project '' in account means: the whole tenant.
CREATE TABLE project (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    title   TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, project)
);

CREATE TABLE account (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    id       TEXT NOT NULL,
    email    TEXT NOT NULL,
    name     TEXT NOT NULL,
    password TEXT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE UNIQUE INDEX account_email ON account (email);

CREATE TABLE member (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    account TEXT NOT NULL,
    role    TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, account)
);

CREATE TABLE api_key (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    prefix  TEXT NOT NULL,
    hash    TEXT NOT NULL,
    account TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE UNIQUE INDEX api_key_hash ON api_key (hash);

-- A family is one sign-in. counter is the number of the one refresh token that is
-- still good; a token with a lower number was used before.
CREATE TABLE refresh_family (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    id      TEXT NOT NULL,
    account TEXT NOT NULL,
    counter BIGINT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);

CREATE TABLE setting (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);
