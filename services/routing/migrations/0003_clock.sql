-- What moves a due time after it was promised: closures on short notice, and pauses of one response clock. No column holds PHI.

CREATE TABLE closures (
    center_id    text        NOT NULL,
    closure_id   uuid        NOT NULL,
    -- Empty: every site; every team.
    site         text        NOT NULL,
    team         text        NOT NULL,
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    reason       text        NOT NULL,
    -- A few words for colleagues; nothing about a patient.
    note         text        NOT NULL,
    entered_at   timestamptz NOT NULL,
    entered_by   text        NOT NULL,
    ended_at     timestamptz,
    ended_by     text,
    -- Taken back, as if it had never been entered. It stays, so that it can be told why a due time had moved.
    withdrawn    boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (center_id, closure_id),
    CHECK (to_at > from_at)
);
COMMENT ON TABLE closures IS 'Closures on short notice. With the hours of the profile they are the calendar of every due time.';
-- The same closure entered twice is one; this is also how those that stand are found.
CREATE UNIQUE INDEX closures_standing ON closures (center_id, to_at, from_at, site, team) WHERE NOT withdrawn;

CREATE TABLE pauses (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    from_at    timestamptz NOT NULL,
    -- Until when at most; earlier where somebody let the clock run on.
    to_at      timestamptz NOT NULL,
    reason     text        NOT NULL,
    set_by     text        NOT NULL,
    ended_by   text,
    PRIMARY KEY (center_id, inquiry_id, from_at),
    CHECK (to_at >= from_at)
);
COMMENT ON TABLE pauses IS 'Stretches in which the response clock of an inquiry stood still.';

-- The decisions whose due time a closure can move.
CREATE INDEX decisions_due ON decisions (center_id, response_due_at, inquiry_id);

ALTER TABLE decisions ADD COLUMN told_missed_at timestamptz;
COMMENT ON COLUMN decisions.told_missed_at IS 'When it was told that nobody answered in time. It is told once, also where a closure took the miss back and it came about again.';
-- The owner sees no row of any center while the policy holds for it too.
ALTER TABLE decisions NO FORCE ROW LEVEL SECURITY;
UPDATE decisions SET told_missed_at = response_due_at WHERE clock_state = 'missed';
ALTER TABLE decisions FORCE ROW LEVEL SECURITY;

-- Every computation of a due time begins here: it reads the closures that stand and holds off new ones until it has ended.
-- So whoever enters a closure knows that what was computed without it is there to be seen and computed again. The second
-- statement of the function sees what was committed while the first one waited.
CREATE FUNCTION standing_closures(center text, since timestamptz) RETURNS SETOF closures LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('closures of ' || center, 0));
    RETURN QUERY SELECT c.* FROM closures AS c WHERE c.center_id = center AND c.to_at > since AND NOT c.withdrawn;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['closures', 'pauses'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
