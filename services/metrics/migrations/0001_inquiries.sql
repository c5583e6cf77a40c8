-- One row for each inquiry, as far as it has come. A read model: it can be emptied and rebuilt from the events. No PHI.

CREATE TABLE inquiries (
    center_id          text        NOT NULL,
    inquiry_id         uuid        NOT NULL,
    version            bigint      NOT NULL,
    consult_type       text        NOT NULL,
    cancer_area        text        NOT NULL,
    source             text        NOT NULL,
    language           text        NOT NULL,
    team               text        NOT NULL,
    site               text        NOT NULL,
    landing_page       text        NOT NULL,
    campaign           text        NOT NULL,
    referring_office   text        NOT NULL,
    received_at        timestamptz,
    stage              smallint    NOT NULL,
    furthest           smallint    NOT NULL,
    close_reason       text        NOT NULL,
    response_due_at    timestamptz,
    first_attempt_at   timestamptz,
    routed_at          timestamptz,
    contacted_at       timestamptz,
    intake_complete_at timestamptz,
    records_ready_at   timestamptz,
    scheduled_at       timestamptz,
    attended_at        timestamptz,
    closed_at          timestamptz,
    changed_at         timestamptz NOT NULL,
    PRIMARY KEY (center_id, inquiry_id)
-- Each row changes about eight times and no index holds what changes, so room on its page keeps the changes cheap.
) WITH (fillfactor = 70);
COMMENT ON TABLE inquiries IS 'How far each inquiry has come. Rebuilt from the events by replay.';
COMMENT ON COLUMN inquiries.version IS 'Newest change of the stage that is known; 0: only the receipt; -1: only an attempt, which is not counted yet.';
COMMENT ON COLUMN inquiries.stage IS '1 received, 2 routed, 3 contacted, 4 intake complete, 5 records ready, 6 scheduled, 7 attended, 8 closed.';
COMMENT ON COLUMN inquiries.furthest IS 'The furthest stage ever reached, 1 to 7.';
COMMENT ON COLUMN inquiries.received_at IS 'Unknown while only an attempt has been heard of.';
CREATE INDEX inquiries_received ON inquiries (center_id, received_at);

ALTER TABLE inquiries ENABLE ROW LEVEL SECURITY;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON inquiries USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
