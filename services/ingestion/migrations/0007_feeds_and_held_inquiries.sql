-- How much each partner's feed sends, hour by hour, and when one went quiet or flooded us; and why an
-- inquiry is held. Nothing here tells of a person.

CREATE TABLE feed_hours (
    center_id text        NOT NULL,
    feed      text        NOT NULL,
    hour      timestamptz NOT NULL,
    messages  integer     NOT NULL,
    PRIMARY KEY (center_id, feed, hour)
);
COMMENT ON TABLE feed_hours IS 'Messages (of a feed of files: files) that came in the hour that begins then. No row: none came. Kept when the messages themselves are erased.';

CREATE TABLE feed_states (
    center_id text             NOT NULL,
    feed      text             NOT NULL,
    last_at   timestamptz,
    seen      integer          NOT NULL,
    expected  double precision,
    missed    double precision NOT NULL,
    looked_at timestamptz      NOT NULL,
    PRIMARY KEY (center_id, feed)
);
COMMENT ON COLUMN feed_states.last_at IS 'When the last message came; NULL: none has come yet.';
COMMENT ON COLUMN feed_states.seen IS 'Messages of the sixty minutes before looked_at.';
COMMENT ON COLUMN feed_states.expected IS 'How many would be usual; NULL: not known yet.';
COMMENT ON COLUMN feed_states.missed IS 'How many would usually have come since last_at.';

CREATE TABLE feed_incidents (
    center_id   text             NOT NULL,
    incident_id uuid             NOT NULL,
    feed        text             NOT NULL,
    kind        text             NOT NULL CHECK (kind IN ('quiet', 'flood')),
    opened_at   timestamptz      NOT NULL,
    closed_at   timestamptz,
    seen        integer          NOT NULL,
    expected    double precision NOT NULL,
    PRIMARY KEY (center_id, incident_id)
);
COMMENT ON COLUMN feed_incidents.closed_at IS 'When the feed was itself again, or left the profile; NULL: it stands.';
COMMENT ON COLUMN feed_incidents.expected IS 'When it was opened: what was missed (quiet), or what would have been usual (flood).';
-- One at a time, however many processes look.
CREATE UNIQUE INDEX feed_incidents_open ON feed_incidents (center_id, feed) WHERE closed_at IS NULL;
CREATE INDEX feed_incidents_of_feed ON feed_incidents (center_id, feed, opened_at);

-- What came since the last look is counted by these; rows come in their order, so both grow at their end.
CREATE INDEX messages_received ON messages (center_id, received_at, feed);
CREATE INDEX files_received ON files (center_id, received_at, feed) WHERE content_key IS NOT NULL;

-- Why an inquiry is held, and what became of it: whoever looks at it, or time, decides.
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
INSERT INTO held_inquiries (center_id, inquiry_id, signs, held_at)
SELECT center_id, inquiry_id, ARRAY['trap'], received_at FROM inquiries WHERE held;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['feed_hours', 'feed_states', 'feed_incidents', 'held_inquiries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
