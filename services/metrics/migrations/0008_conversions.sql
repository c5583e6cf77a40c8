-- What made an inquiry scheduled: a visit, or else a dated next step, and how the last such step ended.
ALTER TABLE inquiries
    ADD COLUMN visit_booked  boolean     NOT NULL DEFAULT false,
    ADD COLUMN step_at       timestamptz,
    ADD COLUMN step_kind     text        NOT NULL DEFAULT '',
    ADD COLUMN ended_version bigint      NOT NULL DEFAULT 0,
    ADD COLUMN ended_how     text        NOT NULL DEFAULT '';
COMMENT ON COLUMN inquiries.visit_booked IS 'A visit was booked at some time, whatever was agreed before it.';
COMMENT ON COLUMN inquiries.step_kind IS 'Id of the kind of the next step that was agreed first, at step_at; empty: none was.';
COMMENT ON COLUMN inquiries.ended_how IS 'How a dated next step ended last, at ended_version of the desk; empty: none has.';
-- Until now visits alone made an inquiry scheduled. The owner sees no row of any center while the policy holds for it too.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
UPDATE inquiries SET visit_booked = true WHERE furthest >= 6;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;
