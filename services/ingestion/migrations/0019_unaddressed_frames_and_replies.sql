-- Frames of the HL7 door that belong to nobody: kept, so that somebody can find out whose they are. They are of the installation,
-- which stands as a tenant of its own whose name no center can have: the same policy, a key and a chain of looks of its own.
CREATE TABLE unaddressed (
    center_id   text        NOT NULL DEFAULT '-' CHECK (center_id = '-'),
    frame_id    uuid        NOT NULL,
    same        bytea       NOT NULL,
    reason      text        NOT NULL CHECK (reason IN ('no_header', 'unknown_center', 'unknown_sender', 'wrong_certificate',
                                                       'batch_refused', 'cut', 'too_long')),
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'assigned', 'set_aside')),
    origin      text        NOT NULL CHECK (origin IN ('own_machine', 'private', 'public')),
    network     text        NOT NULL,
    bytes       integer     NOT NULL,
    times       integer     NOT NULL DEFAULT 1,
    outcome     text        NOT NULL DEFAULT '',
    sealed      bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (center_id, frame_id)
);
COMMENT ON TABLE unaddressed IS 'What came in a frame and is no center''s. Erased some days after it came last, whatever became of it.';
COMMENT ON COLUMN unaddressed.same IS 'Keyed hash by which the same frame is known again; of one that was cut: of its sender and control id.';
COMMENT ON COLUMN unaddressed.network IS 'Where it came from: an address of version 4, or a network of 64 bits of version 6.';
COMMENT ON COLUMN unaddressed.bytes IS 'What it takes of the room for all of them.';
COMMENT ON COLUMN unaddressed.outcome IS 'The center and feed that it was put to, or why it was set aside.';
COMMENT ON COLUMN unaddressed.sealed IS 'All of it, or its beginning where only that is known. Empty once it was assigned or set aside.';
ALTER TABLE unaddressed ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX unaddressed_same ON unaddressed (center_id, same) WHERE state = 'waiting';
CREATE INDEX unaddressed_waiting ON unaddressed (center_id, received_at, frame_id) WHERE state = 'waiting';
CREATE INDEX unaddressed_room ON unaddressed (center_id, network, bytes);
CREATE INDEX unaddressed_old ON unaddressed (center_id, last_at);

ALTER TABLE unaddressed ENABLE ROW LEVEL SECURITY;
ALTER TABLE unaddressed FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON unaddressed USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));

-- With defaults, so that a process from before this migration still writes messages while an upgrade rolls.
ALTER TABLE messages ADD COLUMN told text NOT NULL DEFAULT '' CHECK (told IN ('', 'no_number', 'control_id_reused'));
COMMENT ON COLUMN messages.told IS 'What its sender was told when it came first, where that is not the number of its inquiry: the same message is told so whatever became of it since.';
ALTER TABLE messages ADD COLUMN referral_key bytea;
COMMENT ON COLUMN messages.referral_key IS 'Keyed hash of the referral that it is about, where that one had not come yet.';
-- What overtook its referral is put to it once that has come.
CREATE INDEX messages_early ON messages (center_id, received_at, message_id) WHERE state = 'parked' AND reason = 'unknown_referral';
