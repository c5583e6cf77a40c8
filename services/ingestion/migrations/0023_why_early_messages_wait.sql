-- What a message that overtook its referral asks for, by whatever door: why it waits once that referral has come.
ALTER TABLE messages ADD COLUMN early_reason text NOT NULL DEFAULT '';
-- Those that wait already came by HL7. The owner sees no row of any center while the policies hold for it too.
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
UPDATE messages SET early_reason = CASE kind WHEN 'REF^I14' THEN 'referral_cancelled' ELSE 'referral_modified' END
WHERE state = 'parked' AND reason = 'unknown_referral' AND referral_key IS NOT NULL;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
