-- +goose Up
CREATE TABLE lake_table (
	tenant            TEXT   NOT NULL,
	project           TEXT   NOT NULL,
	namespace         TEXT   NOT NULL,
	name              TEXT   NOT NULL,
	location          TEXT   NOT NULL,
	metadata_location TEXT   NOT NULL,
	created           BIGINT NOT NULL,
	updated           BIGINT NOT NULL,
	PRIMARY KEY (tenant, project, namespace, name)
);

-- +goose Down
DROP TABLE lake_table;
