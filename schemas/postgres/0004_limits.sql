-- How much an organization may send to one server: NULL is what the servers' settings say, 0 is as
-- much as it likes. The burst is how much may come at once, as time at the rate.

ALTER TABLE organization
    ADD COLUMN events_per_second bigint CHECK (events_per_second BETWEEN 0 AND 1000000000),
    ADD COLUMN bytes_per_second  bigint CHECK (bytes_per_second BETWEEN 0 AND 1000000000000),
    ADD COLUMN burst_ms          bigint CHECK (burst_ms BETWEEN 1 AND 86400000);
