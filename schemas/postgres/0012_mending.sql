-- What operators' commands did to lanes whose topic does not hold what it held.

CREATE TABLE mending (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic_id    integer NOT NULL REFERENCES topic (id),
    command     text NOT NULL,             -- "topic renew" or "lanes repair"
    incarnation integer NOT NULL,          -- of the topic, afterwards
    done_at     timestamptz NOT NULL DEFAULT now(),
    done_by     text NOT NULL DEFAULT current_user,
    found       json NOT NULL              -- as --json printed it: the log, what was on its way, what is lost
);

-- records = stored + duplicates + dead_letters + lost. Lost are records of a batch that was announced,
-- but could neither land any more nor be built again: only the commands above know this fate.
ALTER TABLE batch
    ADD COLUMN lost   bigint NOT NULL DEFAULT 0,
    ADD COLUMN tokens integer NOT NULL DEFAULT 0; -- INSERT tokens that its blocks used up in the table
