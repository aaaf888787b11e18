-- +goose Up
-- Two tables never share a folder: what one drops would be the other's.
CREATE UNIQUE INDEX lake_table_location ON lake_table (tenant, project, location);

-- +goose Down
DROP INDEX lake_table_location;
