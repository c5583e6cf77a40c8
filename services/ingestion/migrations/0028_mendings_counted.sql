-- How often the answers of an inquiry were mended: those who hear of it take the newest word.
ALTER TABLE inquiries ADD COLUMN mended integer NOT NULL DEFAULT 0;
