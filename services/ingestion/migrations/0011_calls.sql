-- The calls that a phone system tells of: what is known of each, what it waits for, and the inquiry that stands for it. The
-- events themselves stand in messages, as they came.

CREATE TABLE calls (
    center_id   text        NOT NULL,
    call_id     uuid        NOT NULL,
    feed        text        NOT NULL,
    call_key    bytea       NOT NULL,
    caller_key  bytea,
    queue       text        NOT NULL,
    direction   text        NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    state       text        NOT NULL CHECK (state IN ('ringing', 'answered', 'missed', 'abandoned', 'voicemail')),
    agent       text        NOT NULL,
    started_at  timestamptz NOT NULL,
    answered_at timestamptz,
    ended_at    timestamptz,
    over_at     timestamptz NOT NULL,
    waits_for   text        NOT NULL CHECK (waits_for IN ('', 'end', 'entry', 'number', 'queue', 'call_back')),
    waits_from  timestamptz NOT NULL,
    inquiry_id  uuid,
    opened      boolean     NOT NULL,
    closed_at   timestamptz,
    outcome     text        NOT NULL DEFAULT ''
        CHECK (outcome IN ('', 'entered', 'belongs', 'called_back', 'no_request', 'wrong_number', 'test')),
    settled_by  text        NOT NULL DEFAULT '',
    settled_at  timestamptz,
    sealed      bytea       NOT NULL,
    PRIMARY KEY (center_id, call_id),
    CHECK (inquiry_id IS NOT NULL OR NOT opened),
    -- What a person has dealt with waits no more.
    CHECK (settled_at IS NULL OR waits_for = '')
);
COMMENT ON COLUMN calls.call_key IS 'Keyed hash of the feed and the phone system''s own id of the call.';
COMMENT ON COLUMN calls.caller_key IS 'Keyed hash of the caller''s number in E.164; NULL: withheld, or none that can be called.';
COMMENT ON COLUMN calls.queue IS 'As the phone system names it, where feeds.toml has it; empty: it does not. What was sent is sealed: it may be a number that was called.';
COMMENT ON COLUMN calls.agent IS 'Who answered, as the phone system knows them: a name of staff. Empty: nobody, not told, or what may be a number and is sealed alone.';
COMMENT ON COLUMN calls.over_at IS 'When it was over or as far as is told, and never after that was heard: the phone system''s clock may be wrong.';
COMMENT ON COLUMN calls.waits_for IS 'end: nobody told how it ended; entry: it was answered and nobody has taken it down; number: nobody answered, and the caller''s number is withheld or could not be read; queue: its queue is not in feeds.toml; call_back: a further call of an open inquiry that nobody answered.';
COMMENT ON COLUMN calls.waits_from IS 'From when it is shown as waiting.';
COMMENT ON COLUMN calls.inquiry_id IS 'The inquiry that was made of it, into which it was entered, or to which it is a further call.';
COMMENT ON COLUMN calls.opened IS 'The inquiry was made of this very call.';
COMMENT ON COLUMN calls.closed_at IS 'When that inquiry was closed or its visit took place; the next call of the same number is a new inquiry.';
COMMENT ON COLUMN calls.outcome IS 'What a person said of it.';
COMMENT ON COLUMN calls.sealed IS 'What each event told, with the caller''s number, sealed.';
ALTER TABLE calls ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX calls_same ON calls (center_id, call_key);
-- A caller waits for one call back at a time, however many processes hear of their calls.
CREATE UNIQUE INDEX calls_open ON calls (center_id, caller_key) WHERE opened AND closed_at IS NULL;
CREATE INDEX calls_waiting ON calls (center_id, waits_from, call_id) WHERE waits_for <> '';
CREATE INDEX calls_recent ON calls (center_id, over_at, call_id) WHERE waits_for = 'entry';
CREATE INDEX calls_began ON calls (started_at, call_id);
CREATE INDEX calls_of_inquiry ON calls (center_id, inquiry_id, started_at) WHERE inquiry_id IS NOT NULL;

ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON calls USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
