-- +goose Up
CREATE TABLE training_runs (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    id       TEXT NOT NULL,
    state    TEXT NOT NULL,
    body     TEXT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE INDEX training_runs_created ON training_runs (tenant, project, created);

CREATE TABLE training_models (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    name     TEXT NOT NULL,
    doc      TEXT NOT NULL,
    newest   BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);

CREATE TABLE training_versions (
    tenant       TEXT NOT NULL,
    project      TEXT NOT NULL,
    model        TEXT NOT NULL,
    number       BIGINT NOT NULL,
    status       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    run          TEXT NOT NULL,
    digest       TEXT NOT NULL,
    dir          TEXT NOT NULL,
    task         TEXT NOT NULL,
    metrics      TEXT NOT NULL,
    training_set TEXT NOT NULL,
    maker        TEXT NOT NULL,
    created      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, model, number)
);

CREATE TABLE training_aliases (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    model    TEXT NOT NULL,
    alias    TEXT NOT NULL,
    version  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, model, alias)
);
