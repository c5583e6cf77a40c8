-- The repair queue: what of partners' messages and of accepted inquiries waits for a person, found by indexes, and who did
-- what about it.

ALTER TABLE messages ADD COLUMN closed_at timestamptz;
COMMENT ON COLUMN messages.closed_at IS 'A refused message that a person set aside, or whose sender was quicker with a mended one.';
CREATE INDEX messages_to_repair ON messages (center_id, received_at, message_id) WHERE state = 'parked';
CREATE INDEX messages_refused_open ON messages (center_id, received_at, message_id)
    WHERE state = 'refused' AND closed_at IS NULL;
-- The same by the first of the new ones.
DROP INDEX messages_waiting;

CREATE INDEX repairs_to_mend ON repairs (center_id, noted_at, inquiry_id) WHERE mended_at IS NULL;
DROP INDEX repairs_open;

-- Which line of which file a row is that waits.
CREATE INDEX file_rows_message ON file_rows (center_id, message_id) WHERE message_id IS NOT NULL;

CREATE TABLE repair_steps (
    center_id   text        NOT NULL,
    step_id     uuid        NOT NULL,
    object_kind text        NOT NULL CHECK (object_kind IN ('message', 'inquiry')),
    object_id   uuid        NOT NULL,
    step        text        NOT NULL CHECK (step IN ('release', 'retry', 'mend', 'set_aside')),
    outcome     text        NOT NULL,
    actor       text        NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (center_id, step_id)
);
COMMENT ON TABLE repair_steps IS 'What people did about what waits. outcome: a stable word. actor: their id. Never what a message says.';
CREATE INDEX repair_steps_object ON repair_steps (center_id, object_id, step_id);

ALTER TABLE repair_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE repair_steps FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON repair_steps USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
