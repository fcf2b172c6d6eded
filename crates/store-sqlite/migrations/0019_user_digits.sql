-- Six digits in a row, for the search of users by a phone number or the end of one: three digits in a row, as trigrams are,
-- stand in a hundredth of all numbers. Kept by triggers, so an older program's users are found too; what is found is looked at.
CREATE TABLE user_digits (
    digits TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    CONSTRAINT user_digits_pkey PRIMARY KEY (digits, user_id)
) STRICT, WITHOUT ROWID;

-- What stands there of each user who was not deleted. To length and GLOB a text ends at NUL.
CREATE VIEW user_digit_runs AS
SELECT u.id AS user_id, run.value AS digits
FROM users u, json_each((
    WITH RECURSIVE rest (text) AS (
        SELECT replace(u.name_key, char(0), ' ') UNION ALL SELECT replace(u.surname_key, char(0), ' ')
        UNION ALL SELECT u.phone_number
        UNION ALL SELECT substr(text, 2) FROM rest WHERE length(text) > 6
    )
    SELECT json_group_array(DISTINCT substr(text, 1, 6)) FROM rest WHERE text GLOB '[0-9][0-9][0-9][0-9][0-9][0-9]*'
)) run
WHERE u.wiped_at IS NULL;

INSERT INTO user_digits (digits, user_id) SELECT digits, user_id FROM user_digit_runs;

CREATE TRIGGER user_digits_come AFTER INSERT ON users BEGIN
    INSERT INTO user_digits (digits, user_id) SELECT digits, user_id FROM user_digit_runs WHERE user_id = new.id;
END;

-- Before and after: the view tells what the row holds.
CREATE TRIGGER user_digits_leave BEFORE UPDATE OF name_key, surname_key, phone_number, wiped_at ON users BEGIN
    DELETE FROM user_digits
    WHERE (digits, user_id) IN (SELECT digits, user_id FROM user_digit_runs WHERE user_id = old.id);
END;

CREATE TRIGGER user_digits_change AFTER UPDATE OF name_key, surname_key, phone_number, wiped_at ON users BEGIN
    INSERT INTO user_digits (digits, user_id) SELECT digits, user_id FROM user_digit_runs WHERE user_id = new.id;
END;

CREATE TRIGGER user_digits_go BEFORE DELETE ON users BEGIN
    DELETE FROM user_digits
    WHERE (digits, user_id) IN (SELECT digits, user_id FROM user_digit_runs WHERE user_id = old.id);
END;
