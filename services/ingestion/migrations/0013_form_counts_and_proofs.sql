-- How many showings of each form were begun, sent and left, and where people failed; and which proofs of work were used. Nothing
-- here is about a person: a showing is a random id that its page carried, and of an answer only its field and the word for its
-- fault are kept.

CREATE TABLE form_hours (
    center_id text        NOT NULL,
    hour      timestamptz NOT NULL,
    form      text        NOT NULL,
    language  text        NOT NULL,
    shown     bigint      NOT NULL DEFAULT 0,
    begun     bigint      NOT NULL DEFAULT 0,
    sent      bigint      NOT NULL DEFAULT 0,
    abandoned bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (center_id, hour, form, language)
);
COMMENT ON COLUMN form_hours.hour IS 'The hour in which the form was shown; all that became of that showing counts there.';
COMMENT ON COLUMN form_hours.begun IS 'Of showings that are settled; those of the last day stand in form_showings.';

CREATE TABLE form_field_hours (
    center_id text        NOT NULL,
    hour      timestamptz NOT NULL,
    form      text        NOT NULL,
    language  text        NOT NULL,
    field     text        NOT NULL,
    code      text        NOT NULL,
    showings  bigint      NOT NULL,
    PRIMARY KEY (center_id, hour, form, language, field, code)
);

CREATE TABLE form_showings (
    center_id  text        NOT NULL,
    showing_id uuid        NOT NULL,
    hour       timestamptz NOT NULL,
    form       text        NOT NULL,
    language   text        NOT NULL,
    faults     text[]      NOT NULL,
    PRIMARY KEY (center_id, showing_id)
);
COMMENT ON TABLE form_showings IS 'Showings that somebody has begun to answer, for a day; then they are counted in form_hours and go.';
COMMENT ON COLUMN form_showings.faults IS 'field:code, each once.';
CREATE INDEX form_showings_hour ON form_showings (center_id, hour);

CREATE TABLE form_batches (
    center_id text        NOT NULL,
    batch_id  uuid        NOT NULL,
    noted_at  timestamptz NOT NULL,
    PRIMARY KEY (center_id, batch_id)
);
COMMENT ON TABLE form_batches IS 'Batches of counts that were taken, for a day: one that comes again counts once.';
CREATE INDEX form_batches_noted ON form_batches (center_id, noted_at);

-- From which showing an inquiry came. Only forms of our own pages tell it, so the door for other sites pays nothing for the index.
ALTER TABLE inquiries ADD COLUMN showing_id uuid;
CREATE INDEX inquiries_showing ON inquiries (center_id, showing_id) WHERE showing_id IS NOT NULL;

CREATE TABLE proofs_used (
    center_id  text        NOT NULL,
    proof      bytea       NOT NULL,
    used_by    bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (center_id, proof)
);
COMMENT ON COLUMN proofs_used.proof IS 'Fingerprint of the challenge.';
COMMENT ON COLUMN proofs_used.used_by IS 'Keyed hash of the request''s key, or the inquiry''s id: the same request again has the same proof.';
CREATE INDEX proofs_used_expires ON proofs_used (center_id, expires_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['form_hours', 'form_field_hours', 'form_showings', 'form_batches', 'proofs_used'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
