-- A product's pictures as they are shown, in one row: a page of 20 products is 20 look-ups instead of 60 and an aggregate for
-- each. Not in the product's row: an order writes that anew, and it must stay short enough to find room on its page.
-- Kept by triggers, whoever writes a picture. As JSON: number, path, whether it is the primary one (1 or 0), alternative text,
-- place, time, variants; in no order.
CREATE TABLE slipper_galleries (
    slipper_id BIGINT NOT NULL CONSTRAINT slipper_galleries_pkey PRIMARY KEY,
    pictures TEXT NOT NULL
);

CREATE FUNCTION hang_pictures() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    -- A statement of its own: who has waited for the lock sees in the next one what the other has written.
    PERFORM FROM slippers WHERE id IN (SELECT slipper_id FROM touched) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO slipper_galleries (slipper_id, pictures)
    SELECT s.id, (
        SELECT coalesce(json_agg(json_build_array(
            i.id, i.image_path, i.is_primary::int, i.alt_text, i.order_index, i.created_at, i.variants::json)), '[]')
        FROM slipper_images i WHERE i.slipper_id = s.id)
    FROM slippers s WHERE s.id IN (SELECT slipper_id FROM touched)
    ON CONFLICT (slipper_id) DO UPDATE SET pictures = EXCLUDED.pictures;
    RETURN NULL;
END
$$;

-- A picture never moves to another product.
CREATE TRIGGER slipper_images_come AFTER INSERT ON slipper_images
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION hang_pictures();
CREATE TRIGGER slipper_images_change AFTER UPDATE ON slipper_images
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION hang_pictures();
CREATE TRIGGER slipper_images_go AFTER DELETE ON slipper_images
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION hang_pictures();

CREATE FUNCTION take_pictures_down() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM slipper_galleries;
    RETURN NULL;
END
$$;

CREATE TRIGGER slipper_images_truncated AFTER TRUNCATE ON slipper_images
    FOR EACH STATEMENT EXECUTE FUNCTION take_pictures_down();

-- For products that are there already; after the triggers, whose making waits for who is writing pictures now.
INSERT INTO slipper_galleries (slipper_id, pictures)
SELECT i.slipper_id, json_agg(json_build_array(
    i.id, i.image_path, i.is_primary::int, i.alt_text, i.order_index, i.created_at, i.variants::json))
FROM slipper_images i GROUP BY i.slipper_id;

-- At last: it locks the products, and orders with them, until all is committed.
ALTER TABLE slipper_galleries ADD CONSTRAINT slipper_galleries_slipper_fkey
    FOREIGN KEY (slipper_id) REFERENCES slippers (id) ON DELETE CASCADE;
