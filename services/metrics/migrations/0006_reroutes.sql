-- What was sent to another team than the one that had it, one row for each time. A read model as the other one. No PHI.

CREATE TABLE reroutes (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    -- Of routing's decision after it.
    version    bigint      NOT NULL,
    at         timestamptz NOT NULL,
    program    text        NOT NULL,
    row_name   text        NOT NULL,
    from_team  text        NOT NULL,
    to_team    text        NOT NULL,
    reason     text        NOT NULL,
    to_and_fro boolean     NOT NULL,
    -- Also how those of an inquiry are found.
    PRIMARY KEY (center_id, inquiry_id, version)
);
COMMENT ON TABLE reroutes IS 'Inquiries that a person sent to another team, as routing told it. Rebuilt from the events by replay.';

ALTER TABLE reroutes ENABLE ROW LEVEL SECURITY;
ALTER TABLE reroutes FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON reroutes USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
