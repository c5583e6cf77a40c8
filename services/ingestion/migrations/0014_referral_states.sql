-- Where the referrals of FHIR feeds stand, as the desk and scheduling told it, and who of their senders wants to hear of it.
-- Words, versions and times alone: nothing here tells of a person, and where notifications go is sealed.

CREATE TABLE referral_states (
    center_id       text        NOT NULL,
    inquiry_id      uuid        NOT NULL,
    feed            text        NOT NULL,
    stage           text        NOT NULL DEFAULT 'received',
    stage_version   bigint      NOT NULL DEFAULT 0,
    reason          text        NOT NULL DEFAULT '',
    visit           text        NOT NULL DEFAULT 'none' CHECK (visit IN ('none', 'booked', 'cancelled', 'missed', 'attended')),
    visit_version   bigint      NOT NULL DEFAULT 0,
    visit_starts_at timestamptz,
    visit_ends_at   timestamptz,
    status          text        NOT NULL DEFAULT 'received'
        CHECK (status IN ('received', 'accepted', 'in-progress', 'completed', 'rejected', 'cancelled', 'failed')),
    version         bigint      NOT NULL DEFAULT 0,
    closed_version  bigint      NOT NULL DEFAULT 0,
    off_version     bigint      NOT NULL DEFAULT 0,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON COLUMN referral_states.stage IS 'As the desk told last; stage_version is the desk''s.';
COMMENT ON COLUMN referral_states.reason IS 'Why it ended the first time, as the desk''s word; empty: it goes on, or the visit took place.';
COMMENT ON COLUMN referral_states.visit_version IS 'As scheduling counts over all appointments of the inquiry.';
COMMENT ON COLUMN referral_states.status IS 'Status of the Task, which never goes back.';
COMMENT ON COLUMN referral_states.version IS 'Counts the changes of the Task that came from events or that the center made itself; each status on the way counts.';
COMMENT ON COLUMN referral_states.closed_version IS 'The desk''s version of its newest close. off_version: the desk''s version that was known when the office''s withdrawal was settled. It is taken up again only where the close is the later one.';
-- What is new of a feed's, the oldest first.
CREATE INDEX referral_states_news ON referral_states (center_id, feed, changed_at, inquiry_id) WHERE version > 0;

CREATE TABLE subscriptions (
    center_id         text        NOT NULL,
    subscription_id   uuid        NOT NULL,
    feed              text        NOT NULL,
    same              bytea       NOT NULL,
    state             text        NOT NULL CHECK (state IN ('requested', 'active', 'error', 'off')),
    reason            text        NOT NULL DEFAULT '',
    statuses          text[]      NOT NULL,
    content           text        NOT NULL CHECK (content IN ('empty', 'id-only')),
    base              text        NOT NULL,
    heartbeat_seconds integer,
    timeout_seconds   integer     NOT NULL,
    most_events       integer     NOT NULL,
    ends_at           timestamptz,
    sealed            bytea       NOT NULL,
    version           bigint      NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    events            bigint      NOT NULL DEFAULT 0,
    delivered         bigint      NOT NULL DEFAULT 0,
    failures          integer     NOT NULL DEFAULT 0,
    tries             bigint      NOT NULL DEFAULT 0,
    answered          boolean     NOT NULL DEFAULT false,
    lease_until       timestamptz,
    next_try_at       timestamptz,
    PRIMARY KEY (center_id, subscription_id)
);
COMMENT ON COLUMN subscriptions.same IS 'Keyed hash of what is asked for, by which a repeated request is known.';
COMMENT ON COLUMN subscriptions.state IS 'requested: the endpoint has to answer a handshake; active; error: it failed too often, or an operator stopped it, and events are counted on; off: the subscriber ended it.';
COMMENT ON COLUMN subscriptions.reason IS 'A stable word for the last failure; stopped: by an operator.';
COMMENT ON COLUMN subscriptions.base IS 'Address of the door as the subscriber uses it, for the references in notifications.';
COMMENT ON COLUMN subscriptions.sealed IS 'Endpoint, headers and secret, sealed with the center''s key.';
COMMENT ON COLUMN subscriptions.events IS 'Number of the last event; they are counted without a gap. delivered: the last one that the endpoint took.';
COMMENT ON COLUMN subscriptions.answered IS 'Its endpoint has answered a handshake once. Until then a repeated request is told the secret again.';
COMMENT ON COLUMN subscriptions.tries IS 'Grows with each try and each change, so that a try that comes back late changes nothing.';
COMMENT ON COLUMN subscriptions.next_try_at IS 'When something is to be sent; NULL: nothing is. In real time, like lease_until, during which a try is under way.';
CREATE UNIQUE INDEX subscriptions_same ON subscriptions (center_id, feed, same);
CREATE INDEX subscriptions_due ON subscriptions (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE subscription_events (
    center_id       text        NOT NULL,
    subscription_id uuid        NOT NULL,
    number          bigint      NOT NULL,
    inquiry_id      uuid        NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (center_id, subscription_id, number)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['referral_states', 'subscriptions', 'subscription_events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
