-- Whose turn each inquiry is, as routing chose it and as the desk tells; what each person holds; who is away; what went to another
-- team. The desk owns the work: these rows follow it, so that routing knows loads without asking. No column holds PHI.

CREATE TABLE work (
    center_id     text     NOT NULL,
    inquiry_id    uuid     NOT NULL,
    team          text     NOT NULL,
    -- Language of the person, for who is chosen later.
    language      text     NOT NULL DEFAULT '',
    -- What the row of the table asks of whoever gets it, joined by '|'.
    skills        text     NOT NULL DEFAULT '',
    owner         text     NOT NULL DEFAULT '',
    -- Nobody has it and routing is to give it out. What a person gave back to the queue is not.
    waiting       boolean  NOT NULL DEFAULT false,
    open          boolean  NOT NULL DEFAULT true,
    -- Counts the choices.
    choice        bigint   NOT NULL DEFAULT 0,
    -- Newest change of the desk that was heard of; the desk begins at 1.
    heard_version bigint   NOT NULL DEFAULT 1,
    -- How often it moved on because nobody had begun.
    moves         integer  NOT NULL DEFAULT 0,
    -- Levels of escalation that were raised.
    escalated     integer  NOT NULL DEFAULT 0,
    PRIMARY KEY (center_id, inquiry_id)
) WITH (fillfactor = 85);
CREATE INDEX work_waiting ON work (center_id, team) WHERE waiting;

CREATE TABLE people (
    center_id text    NOT NULL,
    staff     text    NOT NULL,
    -- Open inquiries that they hold, in all teams.
    open      integer NOT NULL DEFAULT 0,
    -- By team: the greater, the later they had their last turn.
    turns     jsonb   NOT NULL DEFAULT '{}',
    PRIMARY KEY (center_id, staff)
) WITH (fillfactor = 50);
COMMENT ON TABLE people IS 'One row for each member of staff. Whoever chooses locks all of a center, so that two never choose by the same numbers.';

CREATE TABLE absences (
    center_id  text        NOT NULL,
    absence_id uuid        NOT NULL,
    staff      text        NOT NULL,
    from_at    timestamptz NOT NULL,
    to_at      timestamptz NOT NULL,
    entered_by text        NOT NULL,
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (center_id, absence_id),
    CONSTRAINT ends_after_it_begins CHECK (from_at <= to_at)
);
CREATE INDEX absences_of ON absences (center_id, staff, to_at);
-- The same absence entered twice is one. What was taken back before it began lies in no time.
CREATE UNIQUE INDEX absences_same ON absences (center_id, staff, from_at, to_at) WHERE from_at < to_at;

CREATE TABLE reroutes (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    -- The desk's version of the inquiry after it.
    version    bigint      NOT NULL,
    at         timestamptz NOT NULL,
    row_name   text        NOT NULL,
    from_team  text        NOT NULL,
    to_team    text        NOT NULL,
    reason     text        NOT NULL,
    PRIMARY KEY (center_id, inquiry_id, version)
);
CREATE INDEX reroutes_by_time ON reroutes (center_id, at);
ALTER TABLE decisions ADD COLUMN clock_team text;
COMMENT ON COLUMN decisions.clock_team IS 'The team by whose hours the response clock counts, where a person sent the inquiry to another one: the clock goes on as it began. NULL: that of the column team.';
-- For the share that was sent on, and for whoever asks what was decided in some days.
CREATE INDEX decisions_by_time ON decisions (center_id, decided_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['work', 'people', 'absences', 'reroutes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
