-- What an office can ask about its referrals: when something of one changed last, and which messages are about it.

-- With a default, so that a process from before this migration still writes messages while an upgrade rolls.
ALTER TABLE messages ADD COLUMN changed_at timestamptz DEFAULT now();
-- The owner of the tables is held to the policies as well; a migration is about all centers.
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
UPDATE messages SET changed_at = received_at;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ALTER COLUMN changed_at SET NOT NULL;
COMMENT ON COLUMN messages.changed_at IS 'When it was received, or when a person settled it.';

CREATE INDEX messages_inquiry ON messages (center_id, inquiry_id, feed) WHERE inquiry_id IS NOT NULL;
CREATE INDEX messages_news ON messages (center_id, feed, changed_at, message_id) WHERE inquiry_id IS NOT NULL;
-- What stands under a control id, whatever became of it: asked for with each message that comes.
CREATE INDEX messages_control ON messages (center_id, control_key);
