-- What people see of feeds: repeats of one message, which are an incident of their own, and when a key or a certificate was
-- used last. And the office's own number of a referral by FHIR, so that it is found by it whoever gave it, and told back.

ALTER TABLE feed_incidents DROP CONSTRAINT feed_incidents_kind_check;
ALTER TABLE feed_incidents ADD CONSTRAINT feed_incidents_kind_check CHECK (kind IN ('quiet', 'flood', 'repeats'));
COMMENT ON COLUMN feed_incidents.seen IS 'When it was opened: messages of sixty minutes, or of repeats how often the one message had come again.';
COMMENT ON COLUMN feed_incidents.expected IS 'When it was opened: what was missed (quiet), or what would have been usual (flood, repeats).';

CREATE TABLE feed_repeats (
    center_id  text        NOT NULL,
    hour       timestamptz NOT NULL,
    feed       text        NOT NULL,
    message_id uuid        NOT NULL,
    repeats    integer     NOT NULL,
    PRIMARY KEY (center_id, hour, feed, message_id)
);
COMMENT ON TABLE feed_repeats IS 'How often a message came again in the hour that begins then. Kept for some days. Rows of files are not counted: a daily list repeats them by its nature.';

CREATE TABLE feed_credentials (
    center_id text        NOT NULL,
    feed      text        NOT NULL,
    digest    bytea       NOT NULL,
    used_at   timestamptz NOT NULL,
    PRIMARY KEY (center_id, feed, digest)
);
COMMENT ON TABLE feed_credentials IS 'When a key or a certificate of a feed, by its SHA-256, was used last, to the minute. No row: not since this table.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['feed_repeats', 'feed_credentials'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;

ALTER TABLE messages ADD COLUMN number_key bytea, ADD COLUMN number bytea;
COMMENT ON COLUMN messages.number_key IS 'Keyed hash of the feed and the office''s own number of the referral, whoever gave it. NULL: it has none, or came by another door or before this column.';
COMMENT ON COLUMN messages.number IS 'That number and who gave it, sealed. NULL: erased with the message, or as above.';
CREATE INDEX messages_number ON messages (center_id, feed, number_key) WHERE number_key IS NOT NULL;
