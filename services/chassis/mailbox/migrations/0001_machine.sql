-- Tables of the machine that every service's database has: outbox, inbox, timers, parked messages, revisions, audit chain.
-- No column of these tables holds PHI.

CREATE TABLE outbox (
    event_id     uuid        NOT NULL,
    center_id    text        NOT NULL,
    subject      text        NOT NULL,
    kind         text        NOT NULL,
    aggregate_id uuid        NOT NULL,
    version      bigint      NOT NULL,
    occurred_at  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    traceparent  text,
    payload      bytea       NOT NULL,
    PRIMARY KEY (event_id, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE outbox IS 'The event log of this service. Rows are never changed and stay after they were published; old months can be moved away.';

-- Months from now on; the default partition takes whatever comes after them.
DO $$
DECLARE
    month date := date_trunc('month', now())::date;
BEGIN
    FOR i IN 0..11 LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L)',
            'outbox_' || to_char(month, 'YYYY_MM'), month, (month + interval '1 month')::date);
        month := (month + interval '1 month')::date;
    END LOOP;
END $$;
CREATE TABLE outbox_rest PARTITION OF outbox DEFAULT;
CREATE INDEX outbox_created ON outbox (created_at);
CREATE INDEX outbox_aggregate ON outbox (aggregate_id);

-- Marking a wide row as published would write it and its index entries a second time; a narrow row comes and goes instead.
CREATE TABLE outbox_pending (
    event_id     uuid        NOT NULL PRIMARY KEY,
    center_id    text        NOT NULL,
    created_at   timestamptz NOT NULL,
    leased_until timestamptz,
    attempts     integer     NOT NULL DEFAULT 0
);
CREATE INDEX outbox_pending_created ON outbox_pending (created_at);
ALTER TABLE outbox_pending SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE outbox_pending IS 'Events of the outbox that are not known to be on the bus.';

CREATE TABLE inbox (
    event_id    uuid        NOT NULL PRIMARY KEY,
    center_id   text        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE inbox IS 'Events that this service has dealt with: the guarantee that each one has its effect once.';

CREATE TABLE timers (
    timer_id     uuid        NOT NULL PRIMARY KEY,
    center_id    text        NOT NULL,
    aggregate_id uuid        NOT NULL,
    kind         text        NOT NULL,
    occurrence   text        NOT NULL DEFAULT '',
    due_at       timestamptz NOT NULL,
    payload      jsonb       NOT NULL DEFAULT '{}',
    traceparent  text,
    state        text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'fired', 'cancelled')),
    lease_until  timestamptz,
    attempts     integer     NOT NULL DEFAULT 0,
    UNIQUE (center_id, aggregate_id, kind, occurrence)
);
CREATE INDEX timers_due ON timers (due_at) WHERE state = 'pending';

CREATE TABLE parked (
    parked_id    uuid        NOT NULL PRIMARY KEY,
    center_id    text        NOT NULL,
    event_id     uuid,
    subject      text        NOT NULL,
    kind         text        NOT NULL,
    aggregate_id uuid,
    version      bigint      NOT NULL DEFAULT 0,
    source       text        NOT NULL DEFAULT '',
    occurred_at  timestamptz NOT NULL,
    payload      bytea       NOT NULL,
    reason       text        NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    parked_at    timestamptz NOT NULL DEFAULT now(),
    state        text        NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'replay', 'replayed')),
    replayed_at  timestamptz
);
COMMENT ON TABLE parked IS 'Dead letters: an operator lists, reads and replays them.';
CREATE INDEX parked_open ON parked (parked_at) WHERE state <> 'replayed';
CREATE UNIQUE INDEX parked_event ON parked (event_id) WHERE state <> 'replayed';

CREATE TABLE revisions (
    bucket     text        NOT NULL,
    name       text        NOT NULL,
    revision   text        NOT NULL,
    content    bytea       NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    current    boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (bucket, name, revision)
);
COMMENT ON TABLE revisions IS 'Every revision of a named value that this service has used, so that it starts and explains without the bucket.';
CREATE UNIQUE INDEX revisions_current ON revisions (bucket, name) WHERE current;

CREATE TABLE reconciled (
    only_row   boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    through    timestamptz NOT NULL
);

CREATE TABLE audit_heads (
    center_id text   NOT NULL PRIMARY KEY,
    seq       bigint NOT NULL,
    hash      bytea  NOT NULL
);
CREATE TABLE audit_log (
    center_id   text        NOT NULL,
    seq         bigint      NOT NULL,
    at          timestamptz NOT NULL,
    actor_kind  text        NOT NULL,
    actor_id    text        NOT NULL,
    action      text        NOT NULL,
    object_kind text        NOT NULL,
    object_id   text        NOT NULL,
    purpose     text        NOT NULL,
    outcome     text        NOT NULL,
    request_id  text        NOT NULL,
    prev_hash   bytea       NOT NULL,
    row_hash    bytea       NOT NULL,
    PRIMARY KEY (center_id, seq)
);
COMMENT ON TABLE audit_log IS 'Append only: no role of a service may change or delete a row.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['outbox', 'outbox_pending', 'inbox', 'timers', 'parked', 'audit_heads', 'audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
