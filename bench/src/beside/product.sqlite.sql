SELECT s.id, s.name, s.size, s.price_minor, s.quantity, s.is_paused, s.image, s.created_at, s.updated_at, s.category_id, c.name,
    s.pictures
FROM slippers s LEFT JOIN categories c ON c.id = s.category_id WHERE s.id = ?1
