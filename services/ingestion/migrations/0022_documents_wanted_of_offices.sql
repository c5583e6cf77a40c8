-- Which documents the center waits for from the office that sent a referral, so that its Task and the answer to its question tell.

-- With defaults, so that a process from before this migration still writes while an upgrade rolls.
ALTER TABLE referral_states ADD COLUMN wanted text[] NOT NULL DEFAULT '{}';
ALTER TABLE referral_states ADD COLUMN wanted_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN referral_states.wanted IS 'Kinds of documents of records.toml, as the desk told last; none once the referral has ended.';
COMMENT ON COLUMN referral_states.wanted_version IS 'The desk''s version of it; an older one changes nothing.';

ALTER TABLE messages ADD COLUMN answered_wanted text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN messages.answered_wanted IS 'Which documents the answer to a question (REF^I15) asked for, in the center''s words of that time.';
