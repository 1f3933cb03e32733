-- Photos of the last days, so that one that comes again is known: digest and perceptual mark, never a picture.
-- Rows are deleted as they leave the window, and with the evidence of their check-in.

CREATE TABLE photo_marks (
    seq ${SERIAL},
    check_in_id TEXT NOT NULL,
    photo INTEGER NOT NULL,
    person TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset BIGINT NOT NULL,
    sha256 ${BYTES} NOT NULL,
    mark ${BYTES},
    replayed INTEGER NOT NULL,
    UNIQUE (check_in_id, photo)
);

-- The same bytes again.
CREATE INDEX photo_marks_sha256 ON photo_marks (sha256);
