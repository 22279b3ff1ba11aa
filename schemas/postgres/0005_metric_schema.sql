-- The schema of properties as its author wrote it. jsonb would change what matters: the text of
-- decimals (0.10, 1e400), members that are named twice (which are refused), and \u0000.

ALTER TABLE metric
    ALTER COLUMN schema TYPE json USING schema::json,
    ADD COLUMN schema_formats boolean NOT NULL DEFAULT false, -- "format" is checked, too
    ADD CONSTRAINT metric_mode_has_schema CHECK (schema IS NOT NULL OR schema_mode = 'off');
