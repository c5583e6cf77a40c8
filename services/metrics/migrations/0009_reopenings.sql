-- Inquiries that were opened again, one row each time. A read model as the other ones. No PHI.

CREATE TABLE reopenings (
    center_id    text        NOT NULL,
    inquiry_id   uuid        NOT NULL,
    -- Of the inquiry at the desk, after it.
    version      bigint      NOT NULL,
    at           timestamptz NOT NULL,
    -- Empty: not said, as before it was kept.
    reason       text        NOT NULL,
    -- Why it had been closed; empty: not said.
    close_reason text        NOT NULL,
    -- Also how those of an inquiry are found.
    PRIMARY KEY (center_id, inquiry_id, version)
);
COMMENT ON TABLE reopenings IS 'When and why closed inquiries were opened again, as the desk told it. Rebuilt from the events by replay.';

ALTER TABLE reopenings ENABLE ROW LEVEL SECURITY;
ALTER TABLE reopenings FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON reopenings USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
