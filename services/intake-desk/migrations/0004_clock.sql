-- Which word of routing the due time of first contact comes from: an older one that comes later changes nothing.
ALTER TABLE inquiries ADD COLUMN clock_version bigint NOT NULL DEFAULT 0;
