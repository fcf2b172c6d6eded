SELECT s.id, s.name, s.size, s.price_minor, s.quantity, s.is_paused, s.image, s.created_at, s.updated_at, s.category_id, c.name,
    (SELECT json_group_array(
         json_array(i.id, i.image_path, i.is_primary, i.alt_text, i.order_index, i.created_at, json(i.variants)))
     FROM slipper_images i WHERE i.slipper_id = s.id),
    (SELECT value FROM shop_counters WHERE name = 'slippers')
FROM (SELECT id FROM slippers INDEXED BY slippers_by_id ORDER BY id DESC LIMIT 20 OFFSET ?1) page
    CROSS JOIN slippers s ON s.id = page.id LEFT JOIN categories c ON c.id = s.category_id ORDER BY s.id DESC
