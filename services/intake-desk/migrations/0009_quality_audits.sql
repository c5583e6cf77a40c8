-- Audits of intake quality: what was drawn or chosen, who reads it, and what was answered. Not the access log, which is the machine's.

-- What each rule of the profile has drawn for a week: asked again, it draws nothing more.
CREATE TABLE quality_draws (
    center_id text        NOT NULL,
    rule      text        NOT NULL,
    -- The Monday of the week, by the center's clock.
    week      date        NOT NULL,
    drawn_at  timestamptz NOT NULL,
    found     integer     NOT NULL,
    drawn     integer     NOT NULL,
    PRIMARY KEY (center_id, week, rule)
);

CREATE TABLE quality_audits (
    center_id      text        NOT NULL,
    audit_id       uuid        NOT NULL PRIMARY KEY,
    -- What is erased takes its audits with it, and so every comment on it.
    inquiry_id     uuid        NOT NULL REFERENCES inquiries ON DELETE CASCADE,
    -- The rule that drew it; empty: somebody chose it.
    rule           text        NOT NULL,
    week           date        NOT NULL,
    -- As it was when it was drawn: what happens later is another piece of work.
    team           text        NOT NULL,
    person         text        NOT NULL,
    script         text        NOT NULL,
    script_version text        NOT NULL,
    outcome        text        NOT NULL,
    state          text        NOT NULL DEFAULT 'waiting',
    first_reader   text        NOT NULL DEFAULT '',
    second_reader  text        NOT NULL DEFAULT '',
    -- Somebody asked for a second reader, or luck did.
    second_wanted  boolean     NOT NULL DEFAULT false,
    -- The reading that counts, 1 or 3, and its score; none: no item applied.
    final_reading  smallint,
    score          integer,
    -- Who may not read it second: they saw the answers, or asked for a second reader of a finished one.
    not_blind      text[]      NOT NULL DEFAULT '{}',
    -- Who of the two wrote the settlement that stands.
    settled_by     text        NOT NULL DEFAULT '',
    -- It was finished once and counted in the figures then.
    counted        boolean     NOT NULL DEFAULT false,
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    CONSTRAINT quality_audit_finished CHECK (
        (state = 'finished') = (finished_at IS NOT NULL) AND (state = 'finished') = (final_reading IS NOT NULL)
    ),
    CONSTRAINT quality_audit_is_read_by_two CHECK (first_reader = '' OR first_reader <> second_reader)
);
CREATE UNIQUE INDEX quality_audits_drawn_once ON quality_audits (center_id, week, inquiry_id) WHERE rule <> '';
CREATE UNIQUE INDEX quality_audits_open_once ON quality_audits (center_id, inquiry_id) WHERE rule = '' AND state <> 'finished';
CREATE INDEX quality_audits_of_inquiry ON quality_audits (inquiry_id);
CREATE INDEX quality_audits_queue ON quality_audits (center_id, created_at, audit_id) WHERE state <> 'finished';
CREATE INDEX quality_audits_finished ON quality_audits (center_id, finished_at, audit_id) WHERE state = 'finished';
CREATE INDEX quality_audits_of_person ON quality_audits (center_id, person, finished_at, audit_id) WHERE state = 'finished';

-- One reading: 1 the first reader's, 2 the second's, 3 what the two agreed on.
CREATE TABLE quality_readings (
    center_id   text        NOT NULL,
    audit_id    uuid        NOT NULL REFERENCES quality_audits ON DELETE CASCADE,
    reading     smallint    NOT NULL CHECK (reading IN (1, 2, 3)),
    reader      text        NOT NULL,
    score       integer,
    saved_at    timestamptz NOT NULL,
    finished_at timestamptz,
    -- Free words on the whole.
    sealed      bytea,
    PRIMARY KEY (audit_id, reading)
);

CREATE TABLE quality_answers (
    center_id text     NOT NULL,
    audit_id  uuid     NOT NULL,
    reading   smallint NOT NULL,
    item      text     NOT NULL,
    about     text     NOT NULL,
    field     text     NOT NULL,
    weight    integer  NOT NULL,
    answer    text     NOT NULL,
    -- What the machine answered then; empty: it can not tell.
    computed  text     NOT NULL,
    -- Free words on this item.
    sealed    bytea,
    PRIMARY KEY (audit_id, reading, item),
    FOREIGN KEY (audit_id, reading) REFERENCES quality_readings ON DELETE CASCADE
);

-- When the last visit that was missed was missed, whatever came after it. The times in stage_facts end in Z, so no setting of a
-- session changes what this gives.
CREATE FUNCTION missed_visit_at(facts jsonb) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT max((fact ->> 'at')::timestamptz) FROM jsonb_array_elements(facts) AS fact WHERE fact ->> 'what' = 'no_show'
$$;
ALTER TABLE inquiries ADD COLUMN missed_at timestamptz
    GENERATED ALWAYS AS (CASE WHEN stage_facts @> '[{"what": "no_show"}]' THEN missed_visit_at(stage_facts) END) STORED;

-- What ended in a stretch of time without a close, newest last; what was closed has its index.
CREATE INDEX inquiries_attended ON inquiries (center_id, visit_told_at, inquiry_id) WHERE stage = 'attended';
CREATE INDEX inquiries_no_show ON inquiries (center_id, missed_at, inquiry_id) WHERE missed_at IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_draws', 'quality_audits', 'quality_readings', 'quality_answers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
