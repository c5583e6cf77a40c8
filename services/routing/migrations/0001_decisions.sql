-- Where each inquiry went, by which rules, and how its response clock stands. No column holds PHI.

CREATE TABLE decisions (
    center_id        text        NOT NULL,
    inquiry_id       uuid        NOT NULL,
    revision         text        NOT NULL,
    row_name         text        NOT NULL,
    program          text        NOT NULL,
    team             text        NOT NULL,
    site             text,
    priority         text        NOT NULL,
    script           text        NOT NULL,
    target_minutes   integer     NOT NULL CHECK (target_minutes > 0),
    response_due_at  timestamptz NOT NULL,
    clock_starts_at  timestamptz NOT NULL,
    after_hours      boolean     NOT NULL,
    facts            bytea       NOT NULL,
    decided_at       timestamptz NOT NULL,
    first_attempt_at timestamptz,
    clock_state      text        NOT NULL DEFAULT 'pending'
                     CHECK (clock_state IN ('pending', 'met', 'met_late', 'missed', 'cancelled')),
    version          bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (center_id, inquiry_id)
) WITH (fillfactor = 85);
COMMENT ON TABLE decisions IS 'One routing decision for each inquiry, with the facts it was made on, so that it can be explained years later.';
COMMENT ON COLUMN decisions.facts IS 'The facts as the event carried them (protobuf, no PHI).';

ALTER TABLE decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON decisions USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
