SELECT s.id, s.name, s.size, s.price_minor, s.quantity, s.is_paused, s.image, s.created_at, s.updated_at, s.category_id, c.name,
    s.pictures,
    (SELECT value FROM shop_counters WHERE name = 'slippers')
FROM (SELECT id FROM slippers INDEXED BY slippers_by_id ORDER BY id DESC LIMIT 20 OFFSET ?1) page
    CROSS JOIN slippers s ON s.id = page.id LEFT JOIN categories c ON c.id = s.category_id ORDER BY s.id DESC
