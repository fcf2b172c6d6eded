-- Beside parts of one and two characters the grams hold from now on where words meet: a blank, or two with a word of at most 24
-- characters between them, and the three characters before and after. This is for products that are there already.
INSERT INTO slipper_grams (gram, slipper_id)
WITH keys AS (
    SELECT id, key FROM slippers, unnest(ARRAY[name_key, size_key]) AS key
), blanks AS (
    SELECT id, key, place, lead(place) OVER (PARTITION BY id, key ORDER BY place) AS next
    FROM keys, generate_series(1, length(key)) AS place
    WHERE substr(key, place, 1) = ' '
)
SELECT substr(key, place - 3, 7) COLLATE "C", id FROM blanks WHERE place > 3 AND place <= length(key) - 3
UNION
SELECT substr(key, place - 3, next - place + 7) COLLATE "C", id FROM blanks
WHERE place > 3 AND next <= length(key) - 3 AND next - place <= 25;
