-- The number that names the order of lists names what pictures their products have too: who has seen a product's pictures under it
-- need not look them up again. They change as seldom as names and prices do, and the same people change them.
CREATE TRIGGER slipper_galleries_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON slipper_galleries
    FOR EACH STATEMENT EXECUTE FUNCTION draw_list_order();

-- Under the number that stands there now, pictures have changed; a replica may show some of that still. Where there is no product there
-- was no picture, and a shop that is moved here finds it untouched.
UPDATE shop_counters SET value = floor(random() * 9007199254740992)::bigint
WHERE name = 'list_order' AND EXISTS (SELECT FROM slippers);
