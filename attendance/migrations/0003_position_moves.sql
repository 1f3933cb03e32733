-- Positions moved by a human: over records that the log lost, or back to read some again. Only added to.

CREATE TABLE position_moves (
    seq ${SERIAL},
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    from_offset BIGINT NOT NULL,
    to_offset BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
);
