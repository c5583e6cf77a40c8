-- Since when the person wants no contact, where a booked visit stands all the same; and the newest word of their mended answers.
ALTER TABLE inquiries ADD COLUMN stopped_at timestamptz;
ALTER TABLE inquiries ADD COLUMN amended bigint NOT NULL DEFAULT 0;
