-- Users are listed, searched and deleted.

-- Folded, as they are searched. No released program has made a database without them, so nobody is there to be folded.
ALTER TABLE users ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN surname_key TEXT COLLATE "C" NOT NULL DEFAULT '';
-- When the person was deleted whose row stays for the sake of what refers to it; nothing of the person is left in it.
ALTER TABLE users ADD COLUMN wiped_at BIGINT;

-- Maintained with every user who comes, goes, or changes sides; 'users' counts those who were not deleted.
INSERT INTO shop_counters (name, value) SELECT 'admins', count(*) FROM users WHERE is_admin;

-- The lists, newest first, without the rows that are skipped; those of admins are in users_admins.
CREATE INDEX users_present ON users (id) WHERE wiped_at IS NULL;
CREATE INDEX users_customers ON users (id) WHERE NOT is_admin AND wiped_at IS NULL;

-- Has this person recorded payments; also serves the foreign key when a user is deleted.
CREATE INDEX payments_by_recorder ON payments (recorded_by);

-- The search, as for products: every part of one and two characters, and trigrams for longer terms.
CREATE TABLE user_grams (
    gram TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL,
    CONSTRAINT user_grams_pkey PRIMARY KEY (gram, user_id)
);

CREATE INDEX users_search ON users USING gin (trigrams(name_key, surname_key, phone_number COLLATE "C"))
    WITH (fastupdate = off);
