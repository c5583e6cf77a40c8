-- Why an inquiry is held, and what became of it: whoever looks at it, or time, decides. Nothing here tells of a person.
CREATE TABLE held_inquiries (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    signs      text[]      NOT NULL,
    held_at    timestamptz NOT NULL,
    settled_at timestamptz,
    outcome    text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'released', 'waited', 'spam')),
    reason     text        NOT NULL DEFAULT '',
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON COLUMN held_inquiries.signs IS 'Words of a closed list; never what was written.';
COMMENT ON COLUMN held_inquiries.outcome IS 'released: by a person; waited: nobody looked for too long, and it may be somebody''s; spam: a person said so, and it stays held.';
CREATE INDEX held_inquiries_waiting ON held_inquiries (center_id, held_at) WHERE settled_at IS NULL;
-- The owner of the tables is held to the policies as well; a migration is about all centers.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
-- From now on time lets them go: whoever looks at them has the whole of it, however long they are held already.
INSERT INTO held_inquiries (center_id, inquiry_id, signs, held_at)
SELECT center_id, inquiry_id, ARRAY['trap'], now() FROM inquiries WHERE held;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;

ALTER TABLE held_inquiries ENABLE ROW LEVEL SECURITY;
ALTER TABLE held_inquiries FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON held_inquiries USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
