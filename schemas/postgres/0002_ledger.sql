-- What the writer knows: which lane owns which partitions, how far each is done, what is on its
-- way, and what was completed.

-- One table in ClickHouse is fed by one topic of one Kafka cluster.
CREATE TABLE topic (
    id                  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id          text NOT NULL,
    name                text NOT NULL,
    -- Raised when the topic is made anew: ClickHouse's kafka_offset is incarnation * 2^48 + offset.
    incarnation         integer NOT NULL DEFAULT 0 CHECK (incarnation BETWEEN 0 AND 65535),
    partitions          integer NOT NULL CHECK (partitions BETWEEN 1 AND 65536),
    clickhouse_table    text NOT NULL UNIQUE,     -- database.table
    clickhouse_uuid     text NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cluster_id, name)
);

-- A lane is owned by one writer at a time, under an epoch. Every change that a writer makes names
-- the epoch and the batch_seq that it knows, and changes nothing when another one went on.
CREATE TABLE lane (
    id                 integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               text NOT NULL UNIQUE,
    topic_id           integer NOT NULL REFERENCES topic (id),
    epoch              bigint NOT NULL DEFAULT 0,
    owner              text NOT NULL DEFAULT '',   -- boot id / process namespace / process / its start
    lease_until        timestamptz,
    batch_seq          bigint NOT NULL DEFAULT 0,  -- of the last batch completed
    system_identifier  text NOT NULL,              -- of the PostgreSQL cluster that wrote the row
    timeline           bigint NOT NULL,
    intent             jsonb,                      -- of batch_seq + 1: what is on its way, or NULL
    intent_id          uuid,
    CHECK ((intent IS NULL) = (intent_id IS NULL))
) WITH (fillfactor = 50);

CREATE TABLE lane_partition (
    lane_id          integer NOT NULL REFERENCES lane (id),
    partition        integer NOT NULL,
    hwm              bigint NOT NULL DEFAULT -1,   -- the last offset done in both stores
    anchor_digest    bytea CHECK (length(anchor_digest) = 32), -- SHA-256 of the value at hwm
    anchor_timestamp bigint,                       -- its LogAppendTime, Unix milliseconds
    PRIMARY KEY (lane_id, partition)
) WITH (fillfactor = 50);

-- The ledger: one row per completed batch.
CREATE TABLE batch (
    lane_id       integer NOT NULL REFERENCES lane (id),
    batch_seq     bigint NOT NULL,
    epoch         bigint NOT NULL,   -- of the owner that completed it
    intent_id     uuid NOT NULL,
    records       bigint NOT NULL,   -- read from the topic
    stored        bigint NOT NULL,   -- rows in ClickHouse
    intent        jsonb NOT NULL,    -- ranges, digests, fates and blocks, as they were pinned
    completed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane_id, batch_seq)
);

-- Usage totals, exact, in the transaction that completes their batch.
CREATE TABLE usage_hourly (
    organization_id      uuid NOT NULL,
    external_customer_id text NOT NULL,
    code                 text NOT NULL,
    hour                 timestamptz NOT NULL,
    events               bigint NOT NULL,
    value_sum            numeric NOT NULL,
    PRIMARY KEY (organization_id, external_customer_id, code, hour)
) WITH (fillfactor = 70);
