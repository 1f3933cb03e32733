-- One ledger for SQLite and PostgreSQL. Two words are replaced per dialect: ${BYTES} and ${SERIAL}.

CREATE TABLE ledger (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    chain_format INTEGER NOT NULL,
    check_in_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    person TEXT NOT NULL,
    direction TEXT,
    channel TEXT,
    outcome TEXT NOT NULL,
    reasons TEXT NOT NULL,
    is_case INTEGER NOT NULL,
    minutes INTEGER,
    shift TEXT,
    captured_at_ms BIGINT,
    received_at_ms BIGINT NOT NULL,
    decided_at_ms BIGINT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    snapshot TEXT NOT NULL,
    embedding_space TEXT NOT NULL,
    policy TEXT NOT NULL,
    actor TEXT,
    evidence_sha256 TEXT NOT NULL,
    evidence_digests TEXT NOT NULL,
    field_digests TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (chain, seq),
    UNIQUE (check_in_id, revision)
);

-- The third time: one person's earlier rows of a shift and direction.
CREATE INDEX ledger_history ON ledger (person, shift, direction);

-- Exports and recaps of a day.
CREATE INDEX ledger_received ON ledger (received_at_ms);

-- Erasure empties salt and body and notes when; the row stays.
CREATE TABLE evidence (
    check_in_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    salt ${BYTES},
    body TEXT,
    erased_at_ms BIGINT,
    PRIMARY KEY (check_in_id, revision),
    FOREIGN KEY (check_in_id, revision) REFERENCES ledger (check_in_id, revision)
);

CREATE TABLE positions (
    topic TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    next_offset BIGINT NOT NULL,
    PRIMARY KEY (topic, source_partition)
);

-- A published message keeps its digest and forgets its body: dead letters carry photos.
CREATE TABLE outbox (
    seq ${SERIAL},
    topic TEXT NOT NULL,
    message_key ${BYTES},
    message_value ${BYTES},
    headers TEXT,
    value_sha256 TEXT NOT NULL,
    published_at_ms BIGINT
);

CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at_ms IS NULL;

CREATE TABLE security_events (
    seq ${SERIAL},
    at_ms BIGINT NOT NULL,
    code TEXT NOT NULL,
    check_in_id TEXT NOT NULL
);
