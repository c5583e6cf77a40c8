-- How much each partner's feed sends, hour by hour, and when one went quiet or flooded us. Numbers alone: nothing here tells
-- of a person.

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

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['feed_hours', 'feed_states', 'feed_incidents'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
