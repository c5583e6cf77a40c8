-- What reviewers decided, one row for each decision. A read model as the other ones. No PHI.

CREATE TABLE reviews (
    center_id     text        NOT NULL,
    inquiry_id    uuid        NOT NULL,
    -- Of the inquiry at the desk, after the decision.
    version       bigint      NOT NULL,
    at            timestamptz NOT NULL,
    team          text        NOT NULL,
    decision      text        NOT NULL,
    reason        text        NOT NULL,
    -- Since when the records had waited, and by when they were to be reviewed; NULL: they did not wait.
    waiting_since timestamptz,
    due_at        timestamptz,
    -- Also how those of an inquiry are found.
    PRIMARY KEY (center_id, inquiry_id, version)
);
COMMENT ON TABLE reviews IS 'Decisions of reviewers, as the desk told them. Rebuilt from the events by replay.';

ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
ALTER TABLE reviews FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON reviews USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
