-- A person can finish whatever waits: says of which inquiry a message is, and has a file looked through again. What a message or a
-- file said is erased in time, and its row stays, so that a repeat is recognised and the counts stay.

ALTER TABLE messages ADD COLUMN assigned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN messages.assigned IS 'A person said of which inquiry it is: its patient is not compared with that one''s any more.';
ALTER TABLE messages ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN messages.erased_at IS 'When what it said was erased; sealed is empty since then.';
ALTER TABLE files ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN files.erased_at IS 'When its bytes and its name were erased.';

-- What waits for a person, or for its documents to be unpacked, is never erased.
CREATE INDEX messages_to_erase ON messages (center_id, changed_at)
    WHERE erased_at IS NULL AND unpack_at IS NULL AND state IN ('accepted', 'settled', 'refused');
CREATE INDEX files_to_erase ON files (center_id, finished_at)
    WHERE erased_at IS NULL AND is_told AND state IN ('done', 'settled');

-- Files that wait are listed among the others, in the order of the list.
CREATE INDEX files_to_repair ON files (center_id, received_at, file_id) WHERE state = 'parked';
DROP INDEX files_parked;

ALTER TABLE repair_steps DROP CONSTRAINT repair_steps_object_kind_check;
ALTER TABLE repair_steps ADD CONSTRAINT repair_steps_object_kind_check CHECK (object_kind IN ('message', 'inquiry', 'file'));
ALTER TABLE repair_steps DROP CONSTRAINT repair_steps_step_check;
ALTER TABLE repair_steps ADD CONSTRAINT repair_steps_step_check
    CHECK (step IN ('release', 'retry', 'mend', 'set_aside', 'assign', 'apply'));
