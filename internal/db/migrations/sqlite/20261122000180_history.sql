-- Which history the positions of the change log belong to: 0, or a random number since the database was restored.
ALTER TABLE change_counter ADD COLUMN history BIGINT NOT NULL DEFAULT 0;
