-- What came with the uploading of pictures.

-- Smaller ones of the same picture, narrowest first: [[width, path], ...].
ALTER TABLE slipper_images ADD COLUMN variants TEXT NOT NULL DEFAULT '[]'
    CONSTRAINT slipper_images_variants_check CHECK (json_typeof(variants::json) = 'array');

-- Who names a file: is it needed any more when a picture goes?
CREATE INDEX slipper_images_by_path ON slipper_images (image_path);
CREATE INDEX slippers_by_image ON slippers (image) WHERE image <> '';
CREATE INDEX order_items_by_image ON order_items (image) WHERE image <> '';
