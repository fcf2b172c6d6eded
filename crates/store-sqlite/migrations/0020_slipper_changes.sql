-- Which products' rows changed lately, in order: what a program remembers of rows is true in every snapshot that has no later
-- change (docs/adr/0034-rows-in-memory.md).
CREATE TABLE slipper_changes (
    number INTEGER PRIMARY KEY,
    -- Drawn: after a copy of the file was put in its place, a number stands for another change than it did.
    mark INTEGER NOT NULL DEFAULT (random()),
    -- NULL for all products; then a number before it is left out, which is what programs go by.
    slipper_id INTEGER
) STRICT;

-- Also of new ones: REPLACE, and a row that is put back, change what is remembered under their number.
CREATE TRIGGER slipper_changes_come AFTER INSERT ON slippers BEGIN
    INSERT INTO slipper_changes (slipper_id) VALUES (new.id);
END;

CREATE TRIGGER slipper_changes_change AFTER UPDATE ON slippers BEGIN
    INSERT INTO slipper_changes (slipper_id) VALUES (new.id);
END;

CREATE TRIGGER slipper_changes_renumber AFTER UPDATE OF id ON slippers BEGIN
    INSERT INTO slipper_changes (slipper_id) VALUES (old.id);
END;

CREATE TRIGGER slipper_changes_go AFTER DELETE ON slippers BEGIN
    INSERT INTO slipper_changes (slipper_id) VALUES (old.id);
END;

-- A product's row is read with its category's name.
CREATE TRIGGER slipper_changes_category_comes AFTER INSERT ON categories BEGIN
    INSERT INTO slipper_changes (number) SELECT coalesce(max(number), 0) + 2 FROM slipper_changes;
END;

CREATE TRIGGER slipper_changes_category_changes AFTER UPDATE OF id, name ON categories
WHEN (old.id, old.name) IS NOT (new.id, new.name)
BEGIN
    INSERT INTO slipper_changes (number) SELECT coalesce(max(number), 0) + 2 FROM slipper_changes;
END;

CREATE TRIGGER slipper_changes_category_goes AFTER DELETE ON categories BEGIN
    INSERT INTO slipper_changes (number) SELECT coalesce(max(number), 0) + 2 FROM slipper_changes;
END;

-- The last 256 numbers stay, and up to as many again; two steps, as one may be left out. Who has missed more forgets everything.
CREATE TRIGGER slipper_changes_end AFTER INSERT ON slipper_changes WHEN new.number % 256 < 2 BEGIN
    DELETE FROM slipper_changes WHERE number <= new.number - 256;
END;
