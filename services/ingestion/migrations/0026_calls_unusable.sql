-- Which fields of a call were told so that they can't be used, by their names alone; what was told stands sealed.
ALTER TABLE calls ADD COLUMN unusable text NOT NULL DEFAULT '';
