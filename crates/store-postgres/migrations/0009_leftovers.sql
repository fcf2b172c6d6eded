-- What is left when something else failed or went first.

-- Whether an admin decides: from the start where no code was sent, later where none could be delivered. A code that arrives
-- after all counts too.
ALTER TABLE password_resets ADD COLUMN for_admins BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE password_resets SET for_admins = TRUE WHERE code_hash IS NULL;
DROP INDEX password_resets_for_admins;
CREATE INDEX password_resets_for_admins ON password_resets (id) WHERE for_admins;

-- Pictures whose rows are gone and whose files may still be there, because a line of an order shows them or because nobody
-- has come to delete them yet.
CREATE TABLE gone_pictures (
    path TEXT COLLATE "C" NOT NULL CONSTRAINT gone_pictures_pkey PRIMARY KEY,
    -- The paths of its files: ["...", ...].
    files TEXT NOT NULL CONSTRAINT gone_pictures_files_check CHECK (json_typeof(files::json) = 'array'),
    -- Whether something has let go of it since it was last looked at: the sweep never looks at the others.
    is_due BOOLEAN NOT NULL
);

CREATE INDEX gone_pictures_due ON gone_pictures (path) WHERE is_due;
