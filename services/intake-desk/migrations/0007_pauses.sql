-- Since when and why a response clock stands still, for who looks at the worklist; and from when a claim counts, so that the time of a
-- pause can be left out.
ALTER TABLE inquiries
    -- Every stretch in which the clock stood still or will, as routing told them last.
    ADD COLUMN pauses   jsonb NOT NULL DEFAULT '[]',
    -- When a person last changed who works it; none: nobody did, or it was before this was kept.
    ADD COLUMN moved_at timestamptz;
