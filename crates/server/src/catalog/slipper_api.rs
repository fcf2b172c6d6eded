//! `/slippers`.

use std::sync::Arc;

use axum::extract::State;
use slippers_core::catalog::{CatalogError, NewSlipper, SlipperPage};
use slippers_core::types::Page;

use super::CatalogPage;
use super::address::known_sort;
use super::input::{SlipperDetail, SlipperList, SlipperPath, UpdateSlipper};
use super::output::{ImageListOut, MessageOut, SavedSlipperOut, SlipperDetailOut, SlipperPageOut};
use super::shapes::{SlipperChangeIn, SlipperIn, SlipperListQuery, SlipperQuery};
use crate::cache::PageKey;
use crate::http::call::{Admin, Anyone, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::{Json, render, render_about};
use crate::http::router::{Routes, operations};
use crate::images::to_the_end;
use crate::ops::openapi::words::*;
use crate::shop::Shop;

/// What a page takes beside its products, and a product with three pictures or without, somewhat more than usual.
const PAGE_BYTES: usize = 256;
const PICTURED_BYTES: usize = 960;
const PLAIN_BYTES: usize = 320;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![
        list_slippers,
        create_slipper,
        find_slipper,
        update_slipper,
        delete_slipper,
        list_images,
    ])
}

/// A page of the list as it is sent.
pub(crate) fn render_list(
    listed: SlipperPage,
    page: Page,
    sort: String,
    with_images: bool,
) -> Result<Vec<u8>, ApiError> {
    let bytes = PAGE_BYTES + listed.items.len() * if with_images { PICTURED_BYTES } else { PLAIN_BYTES };
    render_about(&SlipperPageOut::new(listed, page, sort, with_images), bytes)
}

/// List the products
///
/// Products of equal sort keys are listed by id.
#[utoipa::path(
    get,
    path = "/slippers/",
    tag = SLIPPERS,
    params(SlipperListQuery),
    responses((status = 200, description = "A page of products", body = SlipperPageOut)),
)]
async fn list_slippers(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperList { query, sort }): Call<Anyone, SlipperList>,
) -> Result<CatalogPage, ApiError> {
    let key = PageKey::Slippers(query.clone());
    // Any other name is shown as it was sent: that is a page of its own, which nobody else asks for.
    let is_named = known_sort(&sort).is_some();
    let store = shop.store.clone();
    let ask = async move {
        let (page, with_images) = (query.page, query.with_images);
        let listed = store.list_slippers(query).await?;
        render_list(listed, page, sort, with_images)
    };
    if is_named {
        shop.cache.fetch(key, ask).await.map(CatalogPage)
    } else {
        Ok(CatalogPage(shop.cache.once(&key, ask.await?)))
    }
}

/// Show a product
#[utoipa::path(
    get,
    path = "/slippers/{slipper_id}",
    tag = SLIPPERS,
    params(("slipper_id" = i64, Path, description = "The product's id"), SlipperQuery),
    responses((status = 200, description = "The product", body = SlipperDetailOut), SlipperNotFound),
)]
async fn find_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperDetail { id, with_images }): Call<Anyone, SlipperDetail>,
) -> Result<CatalogPage, ApiError> {
    let store = shop.store.clone();
    let ask = async move {
        let slipper = store.find_slipper(id).await?.ok_or(Code::SlipperNotFound)?;
        render_about(&SlipperDetailOut::new(slipper, with_images), PAGE_BYTES + PICTURED_BYTES)
    };
    shop.cache.fetch(PageKey::Slipper { id, with_images }, ask).await.map(CatalogPage)
}

/// Make a product
#[utoipa::path(
    post,
    path = "/slippers/",
    tag = SLIPPERS,
    request_body = SlipperIn,
    responses((status = 200, description = "The new product", body = SavedSlipperOut), CategoryNotFound),
)]
async fn create_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), new): Call<Admin, NewSlipper>,
) -> Result<Json<SavedSlipperOut>, ApiError> {
    Ok(Json(shop.store.create_slipper(new, admin.by(), shop.now()).await?.into()))
}

/// Change a product
#[utoipa::path(
    put,
    path = "/slippers/{slipper_id}",
    tag = SLIPPERS,
    params(("slipper_id" = i64, Path, description = "The product's id")),
    request_body = SlipperChangeIn,
    responses(
        (status = 200, description = "The product as it is now", body = SavedSlipperOut),
        SlipperNotFound, CategoryNotFound,
    ),
)]
async fn update_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), UpdateSlipper(id, change)): Call<Admin, UpdateSlipper>,
) -> Result<Json<SavedSlipperOut>, ApiError> {
    Ok(Json(shop.store.update_slipper(id, change, admin.user.id, shop.now()).await?.into()))
}

/// Delete a product
///
/// Orders keep their lines of it; carts lose theirs. Its pictures stay only where a line of an order shows them.
#[utoipa::path(
    delete,
    path = "/slippers/{slipper_id}",
    tag = SLIPPERS,
    params(("slipper_id" = i64, Path, description = "The product's id")),
    responses((status = 200, description = "It is gone", body = MessageOut), SlipperNotFound),
)]
async fn delete_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), SlipperPath(id)): Call<Admin, SlipperPath>,
) -> Result<Json<MessageOut>, ApiError> {
    to_the_end(async move {
        shop.store.delete_slipper(id, admin.by(), shop.now()).await?;
        shop.pictures.sweep(&*shop.store).await;
        Ok::<_, CatalogError>(())
    })
    .await?;
    Ok(Json(MessageOut { message: "Slipper deleted successfully" }))
}

/// List the pictures of a product
///
/// By their place, `order_index`.
#[utoipa::path(
    get,
    path = "/slippers/{slipper_id}/images",
    tag = SLIPPERS,
    params(("slipper_id" = i64, Path, description = "The product's id")),
    responses((status = 200, description = "The pictures", body = ImageListOut), SlipperNotFound),
)]
async fn list_images(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperPath(id)): Call<Anyone, SlipperPath>,
) -> Result<CatalogPage, ApiError> {
    let store = shop.store.clone();
    let ask = async move {
        let images = store.list_images(id).await?.ok_or(Code::SlipperNotFound)?;
        render(&ImageListOut::new(id.get(), images))
    };
    shop.cache.fetch(PageKey::Images(id), ask).await.map(CatalogPage)
}
