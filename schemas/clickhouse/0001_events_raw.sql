-- Every event, once. {database} and {table} are filled in by `bxb migrate`.
--
-- version: 2^64 - 1 - (incarnation * 2^48 + kafka_offset), so that the first record of an event wins.
-- The deduplication window keeps the INSERT tokens; the fsync settings keep what was acknowledged.
CREATE TABLE IF NOT EXISTS {database}.{table} (
    organization_id          LowCardinality(String),
    transaction_id           String,
    external_customer_id     String,
    external_subscription_id String,
    code                     LowCardinality(String),
    timestamp                DateTime64(3, 'UTC'),
    properties               String,
    value                    Nullable(Float64),
    decimal_value            Nullable(Decimal(38, 18)),
    created_at               DateTime64(3, 'UTC'),
    kafka_partition          UInt16,
    kafka_offset             UInt64,
    version                  UInt64,
    INDEX kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(timestamp)
PRIMARY KEY (organization_id, code, external_customer_id, toDate(timestamp))
ORDER BY (organization_id, code, external_customer_id, toDate(timestamp), timestamp, transaction_id)
SETTINGS non_replicated_deduplication_window = 100000,
         fsync_after_insert = 1,
         fsync_part_directory = 1;
