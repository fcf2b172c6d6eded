-- Passwords that somebody forgot: the new one waits until a code or an admin makes it real.

CREATE TABLE password_resets (
    -- Never given twice: what an admin approves is what they saw.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL CONSTRAINT password_resets_user_key UNIQUE
        CONSTRAINT password_resets_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL,
    -- A keyed digest of the code; null = it waits for an admin.
    code_hash BLOB,
    tries_left INTEGER NOT NULL CONSTRAINT password_resets_tries_check CHECK (tries_left >= 0),
    codes_sent INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The sweep takes the oldest first.
CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);
-- What waits for an admin, the oldest first.
CREATE INDEX password_resets_for_admins ON password_resets (id) WHERE code_hash IS NULL;
