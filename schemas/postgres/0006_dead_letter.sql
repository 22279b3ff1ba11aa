-- What becomes of the records that are not stored.

-- records = stored + duplicates + dead_letters. Rows from before are of batches that stored all.
ALTER TABLE batch
    ADD COLUMN duplicates   bigint NOT NULL DEFAULT 0,
    ADD COLUMN dead_letters bigint NOT NULL DEFAULT 0,
    ADD COLUMN conflicts    bigint NOT NULL DEFAULT 0; -- of the dead letters: they do not count for the breaker

-- A record that cannot be stored, as the topic held it.
CREATE TABLE dead_letter (
    topic_id        integer NOT NULL REFERENCES topic (id),
    incarnation     integer NOT NULL,
    partition       integer NOT NULL,
    log_offset      bigint NOT NULL,
    reason          text NOT NULL,          -- a code of writer/fate_reasons.def
    detail          text NOT NULL,          -- one sentence for people
    organization_id uuid,                   -- NULL: it cannot be read
    key             bytea NOT NULL,
    value           bytea NOT NULL,
    appended_at     timestamptz NOT NULL,   -- LogAppendTime
    lane_id         integer NOT NULL REFERENCES lane (id),
    batch_seq       bigint NOT NULL,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'discarded')),
    state_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_id, incarnation, partition, log_offset)
);
CREATE INDEX dead_letter_by_state ON dead_letter (state, appended_at);
