-- What was completed lately, for the breaker; and long ago, for the retention of the ledger.
CREATE INDEX batch_by_time ON batch (lane_id, completed_at);
