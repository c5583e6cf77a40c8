-- A referral by FHIR may bear more numbers of its office than the one that it is known by. It is found by each of them: by
-- who looks before a create, by a search, and by a change or a withdrawal that bears another one than the first.
CREATE TABLE referral_numbers (
    center_id  text  NOT NULL,
    inquiry_id uuid  NOT NULL,
    key        bytea NOT NULL,
    feed       text  NOT NULL,
    number_key bytea NOT NULL,
    number     bytea,
    message_id uuid  NOT NULL,
    PRIMARY KEY (center_id, inquiry_id, key)
);
COMMENT ON TABLE referral_numbers IS 'The numbers of referrals beside the first one, whose key the inquiry bears itself. Offices use one number for several referrals too (of a visit, of an order group), so a number may stand here more than once.';
COMMENT ON COLUMN referral_numbers.key IS 'Keyed hash of the feed, the number and who gave it, as of inquiries.key.';
COMMENT ON COLUMN referral_numbers.number_key IS 'Keyed hash of the feed and the number, whoever gave it, as of messages.number_key.';
COMMENT ON COLUMN referral_numbers.number IS 'The number and who gave it, sealed. NULL: erased with the message that told it.';
CREATE INDEX referral_numbers_key ON referral_numbers (center_id, key);
CREATE INDEX referral_numbers_number ON referral_numbers (center_id, feed, number_key);
CREATE INDEX referral_numbers_message ON referral_numbers (center_id, message_id);

ALTER TABLE referral_numbers ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_numbers FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON referral_numbers USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
