-- Whose turn an inquiry is by routing's choice, and how far it was escalated.

ALTER TABLE inquiries
    -- The owner was chosen by routing and has not begun: anybody may still claim it.
    ADD COLUMN chosen        boolean NOT NULL DEFAULT false,
    -- Version at which a person last changed who works it; a choice that did not know of it changes nothing.
    ADD COLUMN moved_version bigint  NOT NULL DEFAULT 1,
    -- The newest choice that was looked at.
    ADD COLUMN choice        bigint  NOT NULL DEFAULT 0,
    -- Levels of escalation that were reached.
    ADD COLUMN escalated     integer NOT NULL DEFAULT 0,
    -- It goes from team to team.
    ADD COLUMN bounced       boolean NOT NULL DEFAULT false;
