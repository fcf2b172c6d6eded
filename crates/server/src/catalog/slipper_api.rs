//! `/slippers`.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use slippers_core::catalog::NewSlipper;

use super::input::{SlipperDetail, SlipperList, SlipperPath, UpdateSlipper};
use super::output::{ImageListOut, MessageOut, SavedSlipperOut, SlipperOut, SlipperPageOut};
use crate::http::call::{Admin, Anyone, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::Routes;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes
        .at("/slippers/", get(list_slippers).post(create_slipper))
        .at("/slippers/{slipper_id}", get(find_slipper).put(update_slipper).delete(delete_slipper))
        .at("/slippers/{slipper_id}/images", get(list_images))
}

async fn list_slippers(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperList { query, sort }): Call<Anyone, SlipperList>,
) -> Result<Json<SlipperPageOut>, ApiError> {
    let (page, with_images) = (query.page, query.with_images);
    let listed = shop.store.list_slippers(query).await?;
    Ok(Json(SlipperPageOut::new(listed, page, sort, with_images)))
}

async fn find_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperDetail { id, with_images }): Call<Anyone, SlipperDetail>,
) -> Result<Json<SlipperOut>, ApiError> {
    let slipper = shop.store.find_slipper(id).await?.ok_or(Code::SlipperNotFound)?;
    Ok(Json(SlipperOut::detail(slipper, with_images)))
}

async fn create_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), new): Call<Admin, NewSlipper>,
) -> Result<Json<SavedSlipperOut>, ApiError> {
    Ok(Json(shop.store.create_slipper(new, shop.now()).await?.into()))
}

async fn update_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), UpdateSlipper(id, change)): Call<Admin, UpdateSlipper>,
) -> Result<Json<SavedSlipperOut>, ApiError> {
    Ok(Json(shop.store.update_slipper(id, change, admin.user.id, shop.now()).await?.into()))
}

async fn delete_slipper(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), SlipperPath(id)): Call<Admin, SlipperPath>,
) -> Result<Json<MessageOut>, ApiError> {
    shop.store.delete_slipper(id, shop.now()).await?;
    Ok(Json(MessageOut { message: "Slipper deleted successfully" }))
}

async fn list_images(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, SlipperPath(id)): Call<Anyone, SlipperPath>,
) -> Result<Json<ImageListOut>, ApiError> {
    let images = shop.store.list_images(id).await?.ok_or(Code::SlipperNotFound)?;
    Ok(Json(ImageListOut::new(id.get(), images)))
}
