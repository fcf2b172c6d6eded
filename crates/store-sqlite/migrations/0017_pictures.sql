-- A product's pictures as they are shown, in its own row: a product is one read of the file instead of three, which in a shop
-- that is larger than the memory is what a page costs. Kept by triggers, whoever writes a picture.
ALTER TABLE slippers ADD COLUMN pictures TEXT NOT NULL DEFAULT '[]';

-- What stands there, as JSON: number, path, whether it is the primary one, alternative text, place, time, variants; in no order.
CREATE VIEW slipper_galleries AS
SELECT s.id AS slipper_id, (
    SELECT json_group_array(json_array(
        i.id, i.image_path, i.is_primary, i.alt_text, i.order_index, i.created_at, json(i.variants)))
    FROM slipper_images i WHERE i.slipper_id = s.id) AS pictures
FROM slippers s;

CREATE TRIGGER slipper_images_come AFTER INSERT ON slipper_images BEGIN
    UPDATE slippers SET pictures = (SELECT g.pictures FROM slipper_galleries g WHERE g.slipper_id = slippers.id)
    WHERE id = new.slipper_id;
END;

CREATE TRIGGER slipper_images_change AFTER UPDATE ON slipper_images BEGIN
    UPDATE slippers SET pictures = (SELECT g.pictures FROM slipper_galleries g WHERE g.slipper_id = slippers.id)
    WHERE id IN (old.slipper_id, new.slipper_id);
END;

CREATE TRIGGER slipper_images_go AFTER DELETE ON slipper_images BEGIN
    UPDATE slippers SET pictures = (SELECT g.pictures FROM slipper_galleries g WHERE g.slipper_id = slippers.id)
    WHERE id = old.slipper_id;
END;

-- For products that are there already.
UPDATE slippers SET pictures = (SELECT g.pictures FROM slipper_galleries g WHERE g.slipper_id = slippers.id)
WHERE EXISTS (SELECT 1 FROM slipper_images i WHERE i.slipper_id = slippers.id);
