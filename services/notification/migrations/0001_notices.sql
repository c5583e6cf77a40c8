-- What notification owns: messages to people, what it knows of visits, and who wants to hear no more. No column holds PHI:
-- name and address are read at the moment of sending and not kept; address_token is a keyed hash.

CREATE TABLE notices (
    center_id           text        NOT NULL,
    notice_id           uuid        NOT NULL PRIMARY KEY,
    inquiry_id          uuid        NOT NULL,
    kind                text        NOT NULL,
    occurrence          text        NOT NULL DEFAULT '',
    channel             text        NOT NULL CHECK (channel IN ('email', 'none')),
    language            text        NOT NULL,
    template            text        NOT NULL,
    revision            text        NOT NULL,
    reference           text        NOT NULL,
    consult_type        text        NOT NULL,
    cancer_area         text        NOT NULL,
    contact_by          timestamptz,
    opens_at            timestamptz,
    params              jsonb,
    appointment_id      uuid,
    appointment_version bigint,
    consented_at        timestamptz NOT NULL,
    caused_at           timestamptz NOT NULL,
    not_after           timestamptz,
    traceparent         text,
    state               text        NOT NULL
        CHECK (state IN ('intended', 'sending', 'sent', 'failed', 'unknown', 'suppressed')),
    reason              text        NOT NULL DEFAULT '',
    version             bigint      NOT NULL DEFAULT 1,
    attempts            integer     NOT NULL DEFAULT 0,
    intended_at         timestamptz NOT NULL,
    next_try_at         timestamptz NOT NULL,
    lease_until         timestamptz,
    sending_since       timestamptz,
    finished_at         timestamptz,
    address_token       bytea,
    provider_ref        text        NOT NULL DEFAULT '',
    UNIQUE (center_id, inquiry_id, kind, occurrence)
);
COMMENT ON TABLE notices IS 'One row for each message that a person should get. The unique key is why no cause makes two.';
COMMENT ON COLUMN notices.lease_until IS 'In the database''s own time. A row in sending past it may or may not have been sent.';
-- By center first, so that one center's backlog is stepped over when the next center is looked for.
CREATE INDEX notices_due ON notices (center_id, next_try_at) WHERE state = 'intended';
CREATE INDEX notices_leased ON notices (center_id, lease_until) WHERE state = 'sending';

CREATE TABLE appointments (
    center_id      text        NOT NULL,
    appointment_id uuid        NOT NULL,
    inquiry_id     uuid        NOT NULL,
    version        bigint      NOT NULL,
    state          text        NOT NULL CHECK (state IN ('booked', 'cancelled', 'attended', 'missed')),
    starts_at      timestamptz NOT NULL,
    time_zone      text        NOT NULL,
    site           text        NOT NULL,
    visit_kind     text        NOT NULL,
    changed_at     timestamptz NOT NULL,
    language       text        NOT NULL,
    reference      text        NOT NULL,
    email_allowed  boolean     NOT NULL,
    consult_type   text        NOT NULL,
    cancer_area    text        NOT NULL,
    consented_at   timestamptz NOT NULL,
    PRIMARY KEY (center_id, appointment_id)
);
COMMENT ON TABLE appointments IS 'The last word heard of each visit, so that a stale reminder is recognised.';
CREATE INDEX appointments_inquiry ON appointments (center_id, inquiry_id);

CREATE TABLE closures (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    closed_at  timestamptz NOT NULL,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON TABLE closures IS 'When an inquiry was last closed: what was caused before then is no longer said.';

CREATE TABLE inquiry_stops (
    center_id  text        NOT NULL,
    inquiry_id uuid        NOT NULL,
    channel    text        NOT NULL CHECK (channel IN ('email', 'sms', 'all')),
    since      timestamptz NOT NULL,
    actor_kind text        NOT NULL,
    actor_id   text        NOT NULL,
    PRIMARY KEY (center_id, inquiry_id, channel)
);
COMMENT ON TABLE inquiry_stops IS 'Inquiries whose person wants no more messages, and who said so.';

CREATE TABLE address_stops (
    center_id     text        NOT NULL,
    address_token bytea       NOT NULL,
    channel       text        NOT NULL CHECK (channel IN ('email', 'sms', 'all')),
    since         timestamptz NOT NULL,
    PRIMARY KEY (center_id, address_token, channel)
);
COMMENT ON TABLE address_stops IS 'The same by keyed hash of the address: it holds for the person''s other inquiries too, until they consent anew.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['notices', 'appointments', 'closures', 'inquiry_stops', 'address_stops'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
