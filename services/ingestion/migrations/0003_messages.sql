-- Messages of partner systems as they came, sealed: the evidence behind a referral, what a repeat is recognised by, and
-- what waits for a person because it could not be taken as it was.

CREATE TABLE messages (
    center_id    text        NOT NULL,
    message_id   uuid        NOT NULL,
    feed         text        NOT NULL,
    kind         text        NOT NULL,
    control_key  bytea       NOT NULL,
    content_hash bytea       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('accepted', 'parked', 'refused', 'settled')),
    reason       text        NOT NULL DEFAULT '',
    inquiry_id   uuid,
    times        integer     NOT NULL DEFAULT 1,
    sealed       bytea       NOT NULL,
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (center_id, message_id)
);
COMMENT ON COLUMN messages.kind IS 'Message type and event, such as REF^I12.';
COMMENT ON COLUMN messages.control_key IS 'Keyed hash of the feed, the sending application and facility, and the message control id.';
COMMENT ON COLUMN messages.content_hash IS 'Keyed hash of all segments after the header.';
COMMENT ON COLUMN messages.state IS 'accepted: an inquiry stands for it; parked: kept for a person; refused: the sender was told to mend it; settled: a person has dealt with it.';
COMMENT ON COLUMN messages.reason IS 'A stable word for why it is not accepted. Never what the message says.';
COMMENT ON COLUMN messages.times IS 'How often the same message came.';
-- The same message is kept once; another one under its control id is kept beside it. A refusal led to nothing: what was
-- refused once and is taken now (the profile was mended, the day has come) stands beside its refusal.
CREATE UNIQUE INDEX messages_same ON messages (center_id, control_key, content_hash) WHERE state <> 'refused';
CREATE UNIQUE INDEX messages_refused ON messages (center_id, control_key, content_hash) WHERE state = 'refused';
CREATE INDEX messages_waiting ON messages (center_id, received_at) WHERE state = 'parked';
ALTER TABLE messages ALTER COLUMN sealed SET STORAGE EXTERNAL;

ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON messages USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
