-- One row per event whose metric is transactional (purchases, credits, one-off charges), or per event,
-- as records.mode says. The first record of an event.
CREATE TABLE transaction_record (
    organization_id          uuid NOT NULL,
    transaction_id           text NOT NULL,
    external_customer_id     text NOT NULL,
    external_subscription_id text,
    code                     text NOT NULL,
    "timestamp"              timestamptz NOT NULL,
    value                    numeric,
    properties               json NOT NULL,       -- byte for byte the caller's
    ingested_at              timestamptz NOT NULL,
    topic_id                 integer NOT NULL REFERENCES topic (id),
    incarnation              integer NOT NULL,
    partition                integer NOT NULL,
    log_offset               bigint NOT NULL,
    PRIMARY KEY (organization_id, transaction_id)
);
