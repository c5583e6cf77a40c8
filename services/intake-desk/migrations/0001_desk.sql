-- The intake desk: one row for each inquiry it works, what happened to it, its note, its attempts.
-- PHI stands only in the columns named sealed, which are encrypted before they get here.

CREATE TABLE inquiries (
    center_id          text        NOT NULL,
    inquiry_id         uuid        NOT NULL PRIMARY KEY,
    -- causeway.inquiry.v1.Facts as they came, for the events that carry them on.
    facts              bytea       NOT NULL,
    consult_type       text        NOT NULL,
    cancer_area        text        NOT NULL,
    stage              text        NOT NULL DEFAULT 'routed',
    open               boolean     NOT NULL GENERATED ALWAYS AS (stage NOT IN ('attended', 'closed')) STORED,
    program            text        NOT NULL,
    team               text        NOT NULL,
    site               text        NOT NULL,
    script             text        NOT NULL,
    owner              text        NOT NULL DEFAULT '',
    priority           text        NOT NULL,
    next_action        text        NOT NULL DEFAULT 'first_contact',
    due_at             timestamptz,
    response_due_at    timestamptz NOT NULL,
    after_hours        boolean     NOT NULL DEFAULT false,
    attempts           integer     NOT NULL DEFAULT 0,
    first_attempt_at   timestamptz,
    first_contact_at   timestamptz,
    call_back_at       timestamptz,
    note_version       bigint      NOT NULL DEFAULT 0,
    intake_complete    boolean     NOT NULL DEFAULT false,
    records_ready      boolean     NOT NULL DEFAULT false,
    reviewed           boolean     NOT NULL DEFAULT false,
    stage_facts        jsonb       NOT NULL,
    checklist          jsonb       NOT NULL,
    close_reason       text,
    closed_at          timestamptz,
    visit_at           timestamptz,
    visit_told_at      timestamptz,
    visit_version      bigint      NOT NULL DEFAULT 0,
    route_version      bigint      NOT NULL DEFAULT 0,
    version            bigint      NOT NULL DEFAULT 1,
    received_at        timestamptz NOT NULL,
    revision           text        NOT NULL,
    -- The line of the timeline with which every inquiry begins. It stands here and not in timeline because all that an
    -- inquiry costs at its beginning is then one row.
    routed_line        text        NOT NULL,
    -- F5: whatever is open stands in somebody's queue, with something to do, by a time.
    CONSTRAINT open_has_a_next_step CHECK (
        stage IN ('attended', 'closed')
        OR (team <> '' AND next_action <> 'nothing' AND due_at IS NOT NULL)
    ),
    CONSTRAINT ended_has_no_next_step CHECK (
        stage NOT IN ('attended', 'closed') OR (next_action = 'nothing' AND due_at IS NULL)
    ),
    CONSTRAINT closed_has_a_reason CHECK (
        (stage = 'closed') = (close_reason IS NOT NULL) AND (stage = 'closed') = (closed_at IS NOT NULL)
    )
);
COMMENT ON TABLE inquiries IS 'Work items. This service alone decides the stage; everybody else hears of it by StageChanged.';

-- The worklist: what is due first comes first, for one team or, team by team, for all.
CREATE INDEX inquiries_worklist ON inquiries (center_id, team, due_at, inquiry_id) WHERE open;
CREATE INDEX inquiries_owned ON inquiries (center_id, owner, due_at, inquiry_id) WHERE open AND owner <> '';
CREATE INDEX inquiries_closed ON inquiries (center_id, closed_at, inquiry_id) WHERE stage = 'closed';

CREATE TABLE timeline (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    seq        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    kind       text        NOT NULL,
    -- One sentence without PHI.
    text       text        NOT NULL,
    actor      text        NOT NULL,
    -- Free words of staff, such as the reason for a hand-over.
    sealed     bytea,
    PRIMARY KEY (inquiry_id, seq)
);

CREATE TABLE notes (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL PRIMARY KEY,
    -- The fields of the intake note as JSON, sealed as a whole.
    sealed     bytea       NOT NULL,
    version    bigint      NOT NULL,
    saved_at   timestamptz NOT NULL,
    saved_by   text        NOT NULL
);

CREATE TABLE attempts (
    center_id     text        NOT NULL,
    inquiry_id    uuid        NOT NULL,
    number        integer     NOT NULL,
    at            timestamptz NOT NULL,
    channel       text        NOT NULL,
    outcome       text        NOT NULL,
    actor         text        NOT NULL,
    within_target boolean     NOT NULL,
    PRIMARY KEY (inquiry_id, number)
);

CREATE TABLE idempotency_keys (
    center_id  text        NOT NULL,
    command    text        NOT NULL,
    -- Whose key it is: what two people send is never a repeat.
    actor_id   text        NOT NULL,
    key        text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    -- What was asked for, so that the same key with other content is noticed.
    content    text        NOT NULL,
    version    bigint      NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (center_id, command, actor_id, key)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['inquiries', 'timeline', 'notes', 'attempts', 'idempotency_keys'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
