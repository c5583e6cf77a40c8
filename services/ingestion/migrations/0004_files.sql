-- Files of partner offices as they came (sealed, in parts), how far each is taken, and what became of each of its rows.
-- A row that waits for a person is a message like any other partner's; here stands which line of which file it is.

CREATE TABLE files (
    center_id    text        NOT NULL,
    file_id      uuid        NOT NULL,
    feed         text        NOT NULL,
    door         text        NOT NULL CHECK (door IN ('upload', 'folder')),
    content_key  bytea,
    state        text        NOT NULL CHECK (state IN ('receiving', 'waiting', 'taking', 'done', 'parked', 'settled')),
    reason       text        NOT NULL DEFAULT '',
    detail       text        NOT NULL DEFAULT '',
    heading      bytea       NOT NULL,
    bytes        bigint      NOT NULL DEFAULT 0,
    parts        integer     NOT NULL DEFAULT 0,
    reading      text,
    good_rows_wanted boolean NOT NULL DEFAULT false,
    total        bigint      NOT NULL DEFAULT 0,
    accepted     bigint      NOT NULL DEFAULT 0,
    linked       bigint      NOT NULL DEFAULT 0,
    parked       bigint      NOT NULL DEFAULT 0,
    refused      bigint      NOT NULL DEFAULT 0,
    skipped      bigint      NOT NULL DEFAULT 0,
    done_line    bigint      NOT NULL DEFAULT 0,
    times        integer     NOT NULL DEFAULT 1,
    is_told      boolean     NOT NULL DEFAULT true,
    worker       uuid,
    leased_until timestamptz,
    received_at  timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (center_id, file_id)
);
COMMENT ON COLUMN files.content_key IS 'Keyed hash of the feed and the SHA-256 of all bytes; NULL while they still come.';
COMMENT ON COLUMN files.state IS 'receiving: bytes still come; waiting: not read yet; taking: rows are being written; done; parked: nothing was made of it, a person looks; settled: a person has dealt with it.';
COMMENT ON COLUMN files.detail IS 'For people: names columns and lines, never what stands in them.';
COMMENT ON COLUMN files.heading IS 'Sealed: name, SHA-256, and why nothing was made of it with the headers as they stand. A name may be a person''s.';
COMMENT ON COLUMN files.reading IS 'How it is read: character set, layout and mapping. The same from the first row to the last, whatever the profile says meanwhile.';
COMMENT ON COLUMN files.good_rows_wanted IS 'Somebody said: take the good rows, although there are many bad ones.';
COMMENT ON COLUMN files.done_line IS 'The line of the last row whose result stands. A restart goes on behind it.';
COMMENT ON COLUMN files.is_told IS 'False where the result has still to be put into the partner''s folder.';
-- The same bytes of a feed are one file, however often and under whatever name they come.
CREATE UNIQUE INDEX files_same ON files (center_id, feed, content_key) WHERE content_key IS NOT NULL;
CREATE INDEX files_of_feed ON files (center_id, feed, file_id);
CREATE INDEX files_open ON files (center_id, feed, file_id) WHERE state IN ('receiving', 'waiting', 'taking');
CREATE INDEX files_parked ON files (center_id, received_at) WHERE state = 'parked';
CREATE INDEX files_untold ON files (center_id, file_id) WHERE NOT is_told;

CREATE TABLE file_parts (
    center_id text    NOT NULL,
    file_id   uuid    NOT NULL,
    part      integer NOT NULL,
    sealed    bytea   NOT NULL,
    PRIMARY KEY (center_id, file_id, part)
);
ALTER TABLE file_parts ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE file_rows (
    center_id  text   NOT NULL,
    file_id    uuid   NOT NULL,
    line       bigint NOT NULL,
    state      text   NOT NULL CHECK (state IN ('accepted', 'linked', 'parked', 'refused')),
    reason     text   NOT NULL DEFAULT '',
    remarks    text   NOT NULL DEFAULT '',
    inquiry_id uuid,
    message_id uuid,
    sealed     bytea  NOT NULL,
    PRIMARY KEY (center_id, file_id, line)
);
COMMENT ON COLUMN file_rows.state IS 'accepted: an inquiry was made; linked: one, or a message that waits, stands for it already; parked: it waits for a person; refused: nobody could act on it.';
COMMENT ON COLUMN file_rows.remarks IS 'What should be looked at: words such as npi_checksum@referring_npi.';
COMMENT ON COLUMN file_rows.message_id IS 'The message under which the row is kept (sealed) and waits.';
COMMENT ON COLUMN file_rows.sealed IS 'The office''s own number of the referral, sealed.';
ALTER TABLE file_rows ALTER COLUMN sealed SET STORAGE EXTERNAL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['files', 'file_parts', 'file_rows'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
