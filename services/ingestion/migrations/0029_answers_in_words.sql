-- What a question (REF^I15) was answered with in words, so that the same question gets the same answer; and a question about a
-- referral that came and waits for a person is answered as one that is here.

-- With a default, so that a process from before this migration still writes messages while an upgrade rolls.
ALTER TABLE messages ADD COLUMN answered_remark text NOT NULL DEFAULT '';
COMMENT ON COLUMN messages.answered_remark IS 'The remark of the answer to a question: why a referral ended, when its visit is. Nothing of the person. Empty: none, or answered before this column; then its word has a remark of its own.';
COMMENT ON COLUMN messages.referral_key IS 'Keyed hash of the referral that it is about, where that one had not come yet, or that it is itself, where it waits because of a code.';
CREATE INDEX messages_waiting_referral ON messages (center_id, referral_key) WHERE state = 'parked' AND referral_key IS NOT NULL;
