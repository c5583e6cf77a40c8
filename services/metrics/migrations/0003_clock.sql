-- Which word of routing the response target comes from: the newest counts, whoever tells it and in whatever order.
ALTER TABLE inquiries ADD COLUMN clock_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN inquiries.clock_version IS 'Version of routing''s decision that response_due_at comes from; 0: the first one.';
