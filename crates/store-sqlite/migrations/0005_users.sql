-- Users are listed, searched and deleted.

-- Folded, as they are searched. Those who are here already get theirs from the program, which alone can fold.
ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN surname_key TEXT NOT NULL DEFAULT '';
-- When the person was deleted whose row stays for the sake of what refers to it; nothing of the person is left in it.
ALTER TABLE users ADD COLUMN wiped_at INTEGER;

-- Maintained with every user who comes, goes, or changes sides; 'users' counts those who were not deleted.
INSERT INTO shop_counters (name, value) SELECT 'admins', count(*) FROM users WHERE is_admin = 1;

-- The lists, newest first, without the rows that are skipped; those of admins are in users_admins.
CREATE INDEX users_present ON users (id) WHERE wiped_at IS NULL;
CREATE INDEX users_customers ON users (id) WHERE is_admin = 0 AND wiped_at IS NULL;

-- Has this person recorded payments; also serves the foreign key when a user is deleted.
CREATE INDEX payments_by_recorder ON payments (recorded_by);

-- The search, as for products: every part of one and two characters, and trigrams for longer terms.
CREATE TABLE user_grams (
    gram TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    CONSTRAINT user_grams_pkey PRIMARY KEY (gram, user_id)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE user_search USING fts5(
    name_key,
    surname_key,
    phone_number,
    content='users',
    content_rowid='id',
    columnsize=0,
    tokenize='trigram case_sensitive 1'
);
