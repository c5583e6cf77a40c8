-- The last hand-over of an inquiry to a sister center: to whom, why, how far it is, its request number there.
ALTER TABLE inquiries ADD COLUMN handover jsonb;
COMMENT ON COLUMN inquiries.handover IS 'No PHI: center, reason, state, number of the hand-over, request number there or why it was not taken.';
