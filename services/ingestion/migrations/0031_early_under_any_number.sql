-- A change or a withdrawal that overtook its referral may name it by several numbers, and the referral may come under any of them.

ALTER TABLE messages ADD COLUMN referral_further bytea[];
COMMENT ON COLUMN messages.referral_further IS 'Keyed hashes of further numbers of the referral that it is about, as referral_key; NULL: none.';
