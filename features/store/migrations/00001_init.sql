-- +goose Up
CREATE TABLE feature_entities (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);
CREATE TABLE feature_versions (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    view    TEXT NOT NULL,
    number  BIGINT NOT NULL,
    hash    TEXT NOT NULL,
    body    TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, view, number)
);
CREATE TABLE feature_sets (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    body    TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE INDEX feature_sets_by_name ON feature_sets (tenant, project, name, created);
CREATE TABLE feature_materializations (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    view    TEXT NOT NULL,
    number  BIGINT NOT NULL,
    grp     TEXT NOT NULL,
    later   BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, view, number)
);
