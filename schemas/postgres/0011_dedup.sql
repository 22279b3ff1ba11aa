-- The secret under which transaction ids are hashed before they are remembered. It is made once,
-- here: 244 random bits, condensed. With another one nothing that was remembered would be found.
CREATE TABLE dedup_key (
    id         integer PRIMARY KEY CHECK (id = 1),
    secret     bytea NOT NULL CHECK (length(secret) = 16),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO dedup_key (id, secret)
VALUES (1, substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) FOR 16));

-- Records that were duplicates, in the transaction that completes their batch.
CREATE TABLE duplicate_daily (
    organization_id uuid NOT NULL,
    day             date NOT NULL,   -- UTC, of when the record was appended to the log
    duplicates      bigint NOT NULL,
    PRIMARY KEY (organization_id, day)
) WITH (fillfactor = 70);
