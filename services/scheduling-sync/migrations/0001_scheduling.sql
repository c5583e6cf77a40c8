-- What scheduling owns: how far each inquiry is for booking, its appointments, and the seats that are taken.
-- No column of these tables holds PHI: reasons are words of a list, facts are those that every event carries.

CREATE TABLE bookables (
    center_id       text    NOT NULL,
    inquiry_id      uuid    NOT NULL,
    facts           bytea   NOT NULL,
    intake_complete boolean NOT NULL,
    records_ready   boolean NOT NULL,
    reviewed        boolean NOT NULL,
    open            boolean NOT NULL,
    team            text    NOT NULL,
    site            text    NOT NULL,
    version         bigint  NOT NULL,
    PRIMARY KEY (center_id, inquiry_id)
);
COMMENT ON TABLE bookables IS 'How far an inquiry is, as the intake desk last told. Its row is the lock under which the appointments of the inquiry change.';

CREATE TABLE appointments (
    center_id       text        NOT NULL,
    appointment_id  uuid        NOT NULL,
    inquiry_id      uuid        NOT NULL,
    slot_id         text        NOT NULL,
    seat            integer     NOT NULL CHECK (seat >= 0),
    site            text        NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at > starts_at),
    time_zone       text        NOT NULL,
    role            text        NOT NULL,
    visit_kind      text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('booked', 'cancelled', 'attended', 'missed')),
    reason          text        NOT NULL,
    by              text        NOT NULL CHECK (by IN ('patient', 'center')),
    version         bigint      NOT NULL,
    booked_at       timestamptz NOT NULL,
    source          text        NOT NULL DEFAULT 'built_in',
    idempotency_key text        NOT NULL,
    asked_slot_id   text        NOT NULL,
    PRIMARY KEY (center_id, appointment_id)
);
COMMENT ON COLUMN appointments.version IS 'Number of the last change; counted over all appointments of the inquiry.';
COMMENT ON COLUMN appointments.source IS 'Whose calendar the slot is from; built_in: the slot templates of the center''s profile.';
COMMENT ON COLUMN appointments.asked_slot_id IS 'The slot of the booking call; together with its key it tells a repeat from another wish.';
COMMENT ON COLUMN appointments.idempotency_key IS 'Belongs to the inquiry: two inquiries may use the same text.';
-- An inquiry has at most one visit ahead.
CREATE UNIQUE INDEX appointments_one_booked ON appointments (center_id, inquiry_id) WHERE state = 'booked';
CREATE UNIQUE INDEX appointments_version ON appointments (center_id, inquiry_id, version);
CREATE UNIQUE INDEX appointments_key ON appointments (center_id, inquiry_id, idempotency_key);

CREATE TABLE slots_taken (
    center_id      text    NOT NULL,
    slot_id        text    NOT NULL,
    seat           integer NOT NULL CHECK (seat >= 0),
    appointment_id uuid    NOT NULL,
    PRIMARY KEY (center_id, slot_id, seat),
    -- Both are checked at the commit: a new seat is taken before the old one is given back, and before its appointment is written.
    CONSTRAINT slots_taken_one_seat UNIQUE (center_id, appointment_id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT slots_taken_appointment FOREIGN KEY (center_id, appointment_id)
        REFERENCES appointments (center_id, appointment_id) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE slots_taken IS 'One row for each taken seat of a slot: its primary key is why two people never get the same one.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bookables', 'appointments', 'slots_taken'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY center ON %I USING (center_id = current_setting(''app.center'', true)) '
            'WITH CHECK (center_id = current_setting(''app.center'', true))', name);
    END LOOP;
END $$;
