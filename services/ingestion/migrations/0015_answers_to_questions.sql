-- What an office was told when it asked where its referral stands (REF^I15): the same question gets the same answer, however far
-- the referral has come since.

-- With a default, so that a process from before this migration still writes messages while an upgrade rolls.
ALTER TABLE messages ADD COLUMN answered text NOT NULL DEFAULT '';
COMMENT ON COLUMN messages.answered IS 'A word for the standing that a question was answered with; empty: it is no question, or it was answered as pending before there was this column.';
COMMENT ON COLUMN messages.content_hash IS 'Keyed hash of what it says. Of HL7: all segments after the header, and but for REF^I12 type and event before them; what came before that was hashed by the segments alone and is known by that.';
