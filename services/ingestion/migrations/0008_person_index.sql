-- Who may be the same person as who: keyed tokens of what is sealed, links between inquiries and what people said of them, and
-- by which a sister center that allows it is recognised. Nothing here is in clear, and no row of what was received changes.

CREATE TABLE person_tokens (
    center_id  text  NOT NULL,
    token      bytea NOT NULL,
    inquiry_id uuid  NOT NULL,
    PRIMARY KEY (center_id, token, inquiry_id)
);
COMMENT ON COLUMN person_tokens.token IS 'Keyed hash of a few parts of a person together, such as name and birth date. Never of a part that few values exist of.';
CREATE INDEX person_tokens_inquiry ON person_tokens (center_id, inquiry_id);

CREATE TABLE indexed_people (
    center_id  text    NOT NULL,
    inquiry_id uuid    NOT NULL,
    version    bytea   NOT NULL,
    crowded    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON COLUMN indexed_people.version IS 'Keyed hash of how tokens are made. Under another key or another way it differs, and the person is read anew.';
COMMENT ON COLUMN indexed_people.crowded IS 'A token of it stands for more people than were compared: only the newest of them were.';

CREATE TABLE person_progress (
    center_id text NOT NULL PRIMARY KEY,
    version   bytea NOT NULL,
    through   uuid  NOT NULL
);
COMMENT ON COLUMN person_progress.through IS 'No inquiry up to this id is left to be read.';

CREATE TABLE person_links (
    center_id  text        NOT NULL,
    newer      uuid        NOT NULL,
    older      uuid        NOT NULL CHECK (older < newer),
    strength   text        NOT NULL CHECK (strength IN ('certain', 'likely', 'possible')),
    score      integer     NOT NULL,
    because    text[]      NOT NULL,
    state      text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'same', 'different')),
    found_at   timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    PRIMARY KEY (center_id, newer, older)
);
COMMENT ON COLUMN person_links.because IS 'Closed words such as same_phone. Never a value.';
COMMENT ON COLUMN person_links.state IS 'open: nobody decided, or a decision was undone; same: one person; different: two.';
CREATE INDEX person_links_older ON person_links (center_id, older);

CREATE TABLE recognitions (
    center_id  text  NOT NULL,
    token      bytea NOT NULL,
    inquiry_id uuid  NOT NULL,
    month      date  NOT NULL,
    PRIMARY KEY (center_id, inquiry_id, token)
);
COMMENT ON TABLE recognitions IS 'Of centers that share recognition: tokens under a key of the whole installation, and the month of the request.';
CREATE INDEX recognitions_token ON recognitions (token);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['person_tokens', 'indexed_people', 'person_progress', 'person_links', 'recognitions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;

-- The owner is nobody's login at run time, and what the function below tells is all that this opens.
CREATE POLICY recognised ON recognitions FOR SELECT TO CURRENT_USER USING (true);

-- Which other centers know the people of some inquiries of the asking center, and since which month. It takes ids and no
-- tokens, so that nobody can try out tokens with it, and tells nothing else of the others.
CREATE FUNCTION recognised_elsewhere(inquiries uuid[])
    RETURNS TABLE (inquiry_id uuid, known_at text, since date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT own.inquiry_id, other.center_id, min(other.month)
    FROM public.recognitions AS own
    JOIN public.recognitions AS other ON other.token = own.token AND other.center_id <> own.center_id
    WHERE own.center_id = current_setting('app.center', true) AND own.inquiry_id = ANY (inquiries)
    GROUP BY own.inquiry_id, other.center_id
$$;
