-- Tries since somebody was last reached, or since a visit was missed: after so many, that is what has to be decided on.
ALTER TABLE inquiries ADD COLUMN tries_in_vain integer NOT NULL DEFAULT 0;
-- Whoever was never reached was tried in vain each time; for others it is counted from now on. The owner sees no row of any center while
-- the policies hold for it too.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
UPDATE inquiries SET tries_in_vain = attempts WHERE open AND attempts > 0 AND first_contact_at IS NULL;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;
