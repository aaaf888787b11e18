-- +goose Up
CREATE TABLE serving_deployment (
    tenant  TEXT   NOT NULL,
    project TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    ref     TEXT   NOT NULL,
    model   TEXT   NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    since   BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);
