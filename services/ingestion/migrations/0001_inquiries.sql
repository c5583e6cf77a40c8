-- The inquiry as received, the person behind it (sealed), what has to be mended, and the answers given to each key.
-- Nothing but people.sealed holds PHI. There are no foreign keys: the rows of one inquiry are written by one statement,
-- and a check per row would cost more than the row.

CREATE TABLE inquiries (
    center_id    text        NOT NULL,
    inquiry_id   uuid        NOT NULL,
    reference    text        NOT NULL,
    received_at  timestamptz NOT NULL,
    consult_type text        NOT NULL,
    source       text        NOT NULL,
    held         boolean     NOT NULL,
    needs_repair boolean     NOT NULL,
    facts        bytea       NOT NULL,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON TABLE inquiries IS 'facts: causeway.inquiry.v1.Facts as it was published. held: looks like a machine''s; not published, waits for a person.';
CREATE UNIQUE INDEX inquiries_reference ON inquiries (center_id, reference);
CREATE INDEX inquiries_held ON inquiries (center_id, received_at) WHERE held;

CREATE TABLE people (
    center_id  text     NOT NULL,
    inquiry_id uuid     NOT NULL,
    sealed     bytea    NOT NULL,
    key_id     smallint NOT NULL DEFAULT 1,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON TABLE people IS 'All PHI of an inquiry, sealed with the center''s key and bound to the inquiry. key_id: generation of the master key.';
-- Sealed bytes do not compress; trying costs and gains nothing.
ALTER TABLE people ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE repairs (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    field      text        NOT NULL,
    code       text        NOT NULL,
    noted_at   timestamptz NOT NULL,
    mended_at  timestamptz,
    PRIMARY KEY (center_id, inquiry_id, field, code)
);
COMMENT ON TABLE repairs IS 'Answers that could not be read and that a person at the center mends. Names fields, never answers.';
CREATE INDEX repairs_open ON repairs (center_id, noted_at) WHERE mended_at IS NULL;

CREATE TABLE idempotency_keys (
    center_id    text        NOT NULL,
    key          bytea       NOT NULL,
    content_hash bytea       NOT NULL,
    inquiry_id   uuid        NOT NULL,
    answer       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (center_id, key)
);
COMMENT ON TABLE idempotency_keys IS 'key: keyed hash of what the sender chose, who may choose a name. content_hash: keyed, so that it does not tell what was sent. answer: causeway.inquiry.v1.SubmitInquiryResponse.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['inquiries', 'people', 'repairs', 'idempotency_keys'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
