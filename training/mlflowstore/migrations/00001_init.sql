-- +goose Up
-- Times are BIGINT milliseconds here, since MLflow's clients give and read those.
CREATE TABLE mlflow_experiments (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    number   BIGINT NOT NULL,
    name     TEXT NOT NULL,
    location TEXT NOT NULL,
    stage    TEXT NOT NULL,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, number)
);
CREATE UNIQUE INDEX mlflow_experiments_name ON mlflow_experiments (tenant, project, name);

-- forge is the state of forge's own training run that this row shows; '' for others.
CREATE TABLE mlflow_runs (
    tenant     TEXT NOT NULL,
    project    TEXT NOT NULL,
    id         TEXT NOT NULL,
    experiment BIGINT NOT NULL,
    name       TEXT NOT NULL,
    maker      TEXT NOT NULL,
    status     TEXT NOT NULL,
    stage      TEXT NOT NULL,
    location   TEXT NOT NULL,
    started    BIGINT NOT NULL,
    ended      BIGINT NOT NULL,
    forge      TEXT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);
CREATE INDEX mlflow_runs_started ON mlflow_runs (tenant, project, experiment, started);

-- kind is experiment, run, logged, model or version; owner is its id there.
CREATE TABLE mlflow_tags (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    kind    TEXT NOT NULL,
    owner   TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (tenant, project, kind, owner, name)
);

-- kind is run or logged.
CREATE TABLE mlflow_params (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    kind    TEXT NOT NULL,
    owner   TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (tenant, project, kind, owner, name)
);

-- Every point of a metric. digits is the value as text, exact and part of the key: the
-- same point sent twice is one row.
CREATE TABLE mlflow_points (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    run     TEXT NOT NULL,
    name    TEXT NOT NULL,
    step    BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    digits  TEXT NOT NULL,
    PRIMARY KEY (tenant, project, run, name, step, at, digits)
);

-- The newest point of each metric, for searches; value is 0 where nan is 1.
CREATE TABLE mlflow_latest (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    run     TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   DOUBLE PRECISION NOT NULL,
    nan     BIGINT NOT NULL,
    step    BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, run, name)
);

-- Data sets that a run read, and logged models that it read or made: kind is dataset,
-- in or out. body is the dataset as JSON.
CREATE TABLE mlflow_inputs (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    run     TEXT NOT NULL,
    kind    TEXT NOT NULL,
    name    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    context TEXT NOT NULL,
    step    BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (tenant, project, run, kind, name, digest)
);

CREATE TABLE mlflow_logged (
    tenant     TEXT NOT NULL,
    project    TEXT NOT NULL,
    id         TEXT NOT NULL,
    experiment BIGINT NOT NULL,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    run        TEXT NOT NULL,
    status     TEXT NOT NULL,
    location   TEXT NOT NULL,
    deleted    BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, id)
);

CREATE TABLE mlflow_logged_metrics (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    logged  TEXT NOT NULL,
    name    TEXT NOT NULL,
    run     TEXT NOT NULL,
    dataset TEXT NOT NULL,
    digest  TEXT NOT NULL,
    value   DOUBLE PRECISION NOT NULL,
    nan     BIGINT NOT NULL,
    step    BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, logged, name, run, dataset, digest)
);

-- What MLflow's clients say about a model of forge's registry, or a model that has no
-- version yet.
CREATE TABLE mlflow_models (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    name    TEXT NOT NULL,
    doc     TEXT NOT NULL,
    deleted BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, name)
);

-- The same of a version.
CREATE TABLE mlflow_versions (
    tenant   TEXT NOT NULL,
    project  TEXT NOT NULL,
    model    TEXT NOT NULL,
    number   BIGINT NOT NULL,
    source   TEXT NOT NULL,
    run      TEXT NOT NULL,
    run_link TEXT NOT NULL,
    logged   TEXT NOT NULL,
    doc      TEXT NOT NULL,
    archived BIGINT NOT NULL,
    deleted  BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, model, number)
);

-- Aliases on versions that forge does not serve; those of others are forge's own.
CREATE TABLE mlflow_aliases (
    tenant  TEXT NOT NULL,
    project TEXT NOT NULL,
    model   TEXT NOT NULL,
    alias   TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, project, model, alias)
);
