-- +goose Up
CREATE TABLE recipes (
    tenant   TEXT   NOT NULL,
    project  TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    hash     TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    by_user  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name, revision)
);
