-- Accounts and sessions.

INSERT INTO shop_counters (name, value) VALUES ('users', 0);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CONSTRAINT users_name_key UNIQUE,
    surname TEXT NOT NULL,
    phone_number TEXT NOT NULL CONSTRAINT users_phone_number_key UNIQUE,
    password_hash TEXT NOT NULL,
    is_admin INTEGER NOT NULL CONSTRAINT users_is_admin_check CHECK (is_admin IN (0, 1)),
    -- Maintained with every order, so that a list's total costs one row.
    order_count INTEGER NOT NULL DEFAULT 0 CONSTRAINT users_order_count_check CHECK (order_count >= 0),
    outcome_order_count INTEGER NOT NULL DEFAULT 0
        CONSTRAINT users_outcome_order_count_check CHECK (outcome_order_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Those who run the shop are few: an index of them alone.
CREATE INDEX users_admins ON users (id) WHERE is_admin = 1;

CREATE TABLE sessions (
    id BLOB NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id INTEGER NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    -- Past this nothing renews the session; null = no cap.
    cap_at INTEGER,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;

-- Ends all sessions of a user at once; also serves the cascade.
CREATE INDEX sessions_by_user ON sessions (user_id);

-- SHA-256 of each refresh token, nothing else of it.
CREATE TABLE refresh_tokens (
    hash BLOB NOT NULL CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id BLOB NOT NULL CONSTRAINT refresh_tokens_session_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    -- When it was first exchanged for a successor.
    used_at INTEGER
) STRICT, WITHOUT ROWID;

-- Serves the cascade and the question whether a session has any token left.
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
-- The sweep takes the oldest first.
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
