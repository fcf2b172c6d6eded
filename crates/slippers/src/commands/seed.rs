//! `slippers seed`

use std::sync::Arc;
use std::time::Instant;

use slippers_core::Store;
use slippers_core::catalog::{Assortment, CatalogError, SlipperQuery, Sort};
use slippers_core::types::Page;

use crate::config::Config;
use crate::console::{self, grouped};
use crate::failure::Failure;
use crate::stock::picture_files::{self, PictureFileError};
use crate::stock::seed::{SeedGoods, looks};
use crate::wire;

pub(super) fn run(config: &Config, products: u64) -> Result<(), Failure> {
    let start = Instant::now();
    let runtime = wire::runtime(1)?;
    let _inside = runtime.enter();
    let store = wire::open_store(config, &runtime)?;
    if !runtime.block_on(is_empty(&*store))? {
        return Err(not_empty(config));
    }
    let looks = looks(products);
    picture_files::draw_all(&looks, &config.images_dir())?;
    let bar = console::progress_bar("products");
    bar.set_length(products);
    let goods = SeedGoods::new(products, {
        let bar = bar.clone();
        move |written| bar.set_position(written)
    });
    let now = wire::clock().now();
    let done = runtime.block_on(store.stock_catalog(Arc::new(goods), now));
    bar.finish_and_clear();
    done.map_err(|error| not_stocked(config, error))?;
    console::say(&format!(
        "{} products in 3 categories, with {} pictures in {}, after {:.1} s.",
        grouped(products),
        looks.len(),
        config.images_dir().display(),
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Whether there is neither a category nor a product.
pub(super) async fn is_empty(store: &dyn Store) -> Result<bool, Failure> {
    if !store.list_categories(0, 1).await?.is_empty() {
        return Ok(false);
    }
    let one = SlipperQuery {
        page: Page::new(0, 1),
        category: None,
        search: None,
        sort: Sort::IdAsc,
        with_images: false,
    };
    Ok(store.list_slippers(one).await?.total == 0)
}

/// Puts goods into an empty catalogue.
pub(super) async fn stock(
    config: &Config,
    store: &dyn Store,
    goods: Arc<dyn Assortment>,
) -> Result<(), Failure> {
    store.stock_catalog(goods, wire::clock().now()).await.map_err(|error| not_stocked(config, error))
}

fn not_stocked(config: &Config, error: CatalogError) -> Failure {
    match error {
        CatalogError::NotEmpty => not_empty(config),
        CatalogError::Store(error) => error.into(),
        other => Failure::failed(other, "report it: these goods should fit"),
    }
}

fn not_empty(config: &Config) -> Failure {
    Failure::failed(
        format!("the catalogue in {} is not empty; it was left as it is", config.database),
        "seed a new shop instead: name another folder with --data-dir",
    )
}

impl From<PictureFileError> for Failure {
    fn from(error: PictureFileError) -> Self {
        Self::failed(
            error,
            "see that the folder is writable for the user who runs slippers, and the disk is not full",
        )
    }
}
