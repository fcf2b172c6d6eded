//! Goods to fill an empty shop with: a small believable shop, or any number of products to measure with.

pub(crate) mod demo;
pub(crate) mod picture_files;
pub(crate) mod seed;
mod words;

use slippers_core::catalog::NewCategory;

/// The categories that both fillings share, in the order of their numbers 1 to 3.
fn categories() -> Vec<NewCategory> {
    [
        ("Men", "Erkaklar uchun · Мужские: keng bichim, charm, kigiz va yozgi shippaklar"),
        ("Women", "Ayollar uchun · Женские: yumshoq, yengil va nafis uy shippaklari"),
        ("Kids", "Bolalar uchun · Детские: quyoncha, ayiqcha va rang-barang shippaklar"),
    ]
    .map(|(name, description)| NewCategory {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        is_active: true,
    })
    .into()
}
