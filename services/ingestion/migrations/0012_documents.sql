-- Documents of inquiries: what came, from whom, how far it is, and where its parts lie. The bytes lie in the object store,
-- sealed part by part; nothing here tells what a document says.
CREATE TABLE documents (
    center_id    text        NOT NULL,
    document_id  uuid        NOT NULL,
    inquiry_id   uuid        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('receiving', 'kept', 'same', 'refused', 'wished')),
    door         text        NOT NULL CHECK (door IN ('patient', 'staff', 'hl7', 'fhir')),
    feed         text        NOT NULL DEFAULT '',
    record_kind  text        NOT NULL DEFAULT '',
    content_type text        NOT NULL DEFAULT '',
    fault        text        NOT NULL DEFAULT '',
    scan         text        NOT NULL DEFAULT '' CHECK (scan IN ('', 'waiting', 'clean', 'infected', 'off')),
    scan_at      timestamptz,
    scan_tries   integer     NOT NULL DEFAULT 0,
    heading      bytea       NOT NULL,
    content_key  bytea,
    bytes        bigint      NOT NULL DEFAULT 0,
    parts        integer     NOT NULL DEFAULT 0,
    pages        integer     NOT NULL DEFAULT 0,
    same_as      uuid,
    message_id   uuid,
    times        integer     NOT NULL DEFAULT 1,
    version      bigint      NOT NULL DEFAULT 1,
    received_at  timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (center_id, document_id),
    -- Whoever may be handed a document has had it looked at, or the installation says that nobody looks.
    CONSTRAINT kept_is_scanned_or_waits CHECK ((state = 'kept') = (scan <> '')),
    CONSTRAINT waiting_has_a_time CHECK ((scan = 'waiting') = (scan_at IS NOT NULL))
);
COMMENT ON COLUMN documents.state IS 'receiving: bytes still come; kept: all parts are in the store; same: another document stands for it; refused: a partner sent it and nobody could use it; wished: a partner told an address alone.';
COMMENT ON COLUMN documents.record_kind IS 'Kind by its id in records.toml; empty: nobody has said what it is.';
COMMENT ON COLUMN documents.heading IS 'Sealed: file name, title, SHA-256, address. A name may be a person''s.';
COMMENT ON COLUMN documents.content_key IS 'Keyed hash of inquiry and content: the same content of one inquiry is one document.';
COMMENT ON COLUMN documents.message_id IS 'The partner''s message that brought it last: where it can''t be used, that one waits for a person again.';
COMMENT ON COLUMN documents.scan_at IS 'When a scanner looks at it next; pushed on while one does, so that two never do.';
CREATE UNIQUE INDEX documents_same ON documents (center_id, inquiry_id, content_key)
    WHERE state IN ('kept', 'refused', 'wished');
CREATE INDEX documents_of_inquiry ON documents (center_id, inquiry_id, document_id);
CREATE INDEX documents_to_scan ON documents (scan_at) WHERE scan = 'waiting';
CREATE INDEX documents_unfinished ON documents (changed_at) WHERE state IN ('receiving', 'same');

-- A part is written to the store first and noted here afterwards: an object without a row is nobody's and is swept.
CREATE TABLE document_parts (
    center_id   text    NOT NULL,
    document_id uuid    NOT NULL,
    part        integer NOT NULL,
    object_id   uuid    NOT NULL,
    bytes       integer NOT NULL,
    PRIMARY KEY (center_id, document_id, part),
    FOREIGN KEY (center_id, document_id) REFERENCES documents ON DELETE CASCADE
);
CREATE UNIQUE INDEX document_parts_object ON document_parts (center_id, object_id);

-- A message that carries documents says so in its own transaction; they are unpacked from what is kept of it afterwards.
ALTER TABLE messages ADD COLUMN unpack_at timestamptz;
COMMENT ON COLUMN messages.unpack_at IS 'When its documents are unpacked next; null: it has none, or they are unpacked.';
ALTER TABLE messages ADD COLUMN unpack_tries integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN messages.unpack_tries IS 'How often its documents were begun to be unpacked.';
-- What waits for a person's word does not stand in the way of what is due.
CREATE INDEX messages_to_unpack ON messages (unpack_at)
    WHERE unpack_at IS NOT NULL AND inquiry_id IS NOT NULL AND (state IN ('accepted', 'settled') OR reason = 'attachment');
-- Messages from before carry documents too; which of them do is seen when they are opened. The owner of the tables is held to the
-- policies as well; a migration is about all centers.
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
UPDATE messages SET unpack_at = now() WHERE inquiry_id IS NOT NULL AND state IN ('accepted', 'parked');
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['documents', 'document_parts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
