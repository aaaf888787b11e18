-- +goose Up
CREATE TABLE monitor_schedule (
    tenant     TEXT NOT NULL,
    project    TEXT NOT NULL,
    deployment TEXT NOT NULL,
    rule       TEXT NOT NULL,
    next_at    BIGINT NOT NULL,
    claimed    BIGINT NOT NULL,
    principal  TEXT NOT NULL,
    PRIMARY KEY (tenant, project, deployment)
);
CREATE INDEX monitor_schedule_next ON monitor_schedule (next_at);
