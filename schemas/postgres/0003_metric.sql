-- What is known about a code: where the value of its events stands, and what they are.

CREATE TABLE metric (
    organization_id uuid NOT NULL REFERENCES organization (id),
    code            text NOT NULL CHECK (char_length(code) BETWEEN 1 AND 255),
    -- The top-level property that is the value; NULL: the event's own value is.
    field_name      text CHECK (char_length(field_name) BETWEEN 1 AND 255),
    transactional   boolean NOT NULL DEFAULT false, -- purchases, credits, one-off charges
    -- The JSON Schema of the properties, what is done when they do not fit, and how often it changed.
    schema          jsonb,
    schema_mode     text NOT NULL DEFAULT 'off' CHECK (schema_mode IN ('off', 'warn', 'reject')),
    schema_version  integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, code)
);
CREATE TRIGGER metric_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON metric
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_changed();

-- Whether an organization's events may have a code that is no metric of it.
ALTER TABLE organization ADD COLUMN unknown_codes text NOT NULL DEFAULT 'accept'
    CHECK (unknown_codes IN ('accept', 'reject'));
