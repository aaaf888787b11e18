-- +goose Up
CREATE TABLE flow_revision (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    name     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    document TEXT NOT NULL,
    by_name  TEXT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name, revision)
);
CREATE TABLE flow_layout (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL,
    layout  TEXT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);
CREATE TABLE flow_result (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL,
    node    TEXT NOT NULL,
    hash    TEXT NOT NULL,
    outputs TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name, node)
);
