-- Several lanes share the partitions of a topic. They are numbered from 0, and the number is the
-- name; which partitions a lane has is decided once, when the topic is first read.

ALTER TABLE lane
    DROP CONSTRAINT lane_name_key,
    ADD UNIQUE (topic_id, name);
UPDATE lane SET name = '0';

-- No partition can have two lanes.
ALTER TABLE lane_partition ADD COLUMN topic_id integer REFERENCES topic (id);
UPDATE lane_partition AS p SET topic_id = lane.topic_id FROM lane WHERE lane.id = p.lane_id;
ALTER TABLE lane_partition
    ALTER COLUMN topic_id SET NOT NULL,
    ADD UNIQUE (topic_id, partition);

-- The writers that share the lanes of a topic. One that was not seen for a lease does not count.
CREATE TABLE writer (
    owner      text PRIMARY KEY,     -- as in lane.owner: no two processes ever have the same
    topic_id   integer NOT NULL REFERENCES topic (id),
    host       text NOT NULL,
    process    integer NOT NULL,
    version    text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
