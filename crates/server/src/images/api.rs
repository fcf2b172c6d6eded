//! `/slippers/{id}/upload-images` and `/slippers/{id}/images/{id}`.

use std::sync::Arc;

use axum::extract::State;
use slippers_core::images::ImageError;

use super::input::{ImageChange, ImagePath};
use super::output::{DeletedImageOut, UploadedOut};
use super::pictures::to_the_end;
use super::shapes::{ImageChangeIn, ImagesIn};
use super::upload::upload;
use crate::catalog::{ImageOut, SlipperPath};
use crate::http::call::{Admin, Call, CallWithForm};
use crate::http::errors::ApiError;
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![upload_images, delete_image, update_image, primary_image])
}

/// Add pictures to a product
///
/// All of them, or none when one is refused. They are made anew without what else came in their files, and turned as the
/// camera was held; wide ones also smaller (`variants`). The first becomes the primary one of a product that has none.
#[utoipa::path(
    post,
    path = "/slippers/{slipper_id}/upload-images/",
    tag = SLIPPERS,
    params(("slipper_id" = i64, Path, description = "The product's id")),
    request_body(content = ImagesIn, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The new pictures", body = UploadedOut),
        SlipperNotFound, TooManyImages, ImageInvalid,
    ),
)]
async fn upload_images(
    State(shop): State<Arc<Shop>>,
    CallWithForm(Admin(_), SlipperPath(id), form): CallWithForm<Admin, SlipperPath>,
) -> Result<Json<UploadedOut>, ApiError> {
    Ok(Json(UploadedOut::new(id, upload(shop, id, form).await?)))
}

/// Delete a picture
///
/// After the primary one the next takes its place. The file stays while a line of an order shows it.
#[utoipa::path(
    delete,
    path = "/slippers/{slipper_id}/images/{image_id}",
    tag = SLIPPERS,
    params(
        ("slipper_id" = i64, Path, description = "The product's id"),
        ("image_id" = i64, Path, description = "The picture's id"),
    ),
    responses((status = 200, description = "It is gone", body = DeletedImageOut), ImageNotFound),
)]
async fn delete_image(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), ImagePath(slipper, image)): Call<Admin, ImagePath>,
) -> Result<Json<DeletedImageOut>, ApiError> {
    to_the_end(async move {
        shop.store.delete_image(slipper, image, shop.now()).await?;
        shop.pictures.sweep(&*shop.store).await;
        Ok::<_, ImageError>(())
    })
    .await?;
    Ok(Json(DeletedImageOut::new(image)))
}

/// Change a picture
#[utoipa::path(
    put,
    path = "/slippers/{slipper_id}/images/{image_id}",
    tag = SLIPPERS,
    params(
        ("slipper_id" = i64, Path, description = "The product's id"),
        ("image_id" = i64, Path, description = "The picture's id"),
    ),
    request_body = ImageChangeIn,
    responses((status = 200, description = "The picture as it is now", body = ImageOut), ImageNotFound),
)]
async fn update_image(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), ImageChange(path)): Call<Admin, ImageChange>,
) -> Result<Json<ImageOut>, ApiError> {
    set_primary(&shop, path).await
}

/// Make a picture the primary one
#[utoipa::path(
    method(put, post),
    path = "/slippers/{slipper_id}/images/{image_id}/set-primary",
    tag = SLIPPERS,
    params(
        ("slipper_id" = i64, Path, description = "The product's id"),
        ("image_id" = i64, Path, description = "The picture's id"),
    ),
    responses((status = 200, description = "The picture as it is now", body = ImageOut), ImageNotFound),
)]
async fn primary_image(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), path): Call<Admin, ImagePath>,
) -> Result<Json<ImageOut>, ApiError> {
    set_primary(&shop, path).await
}

async fn set_primary(shop: &Shop, ImagePath(slipper, image): ImagePath) -> Result<Json<ImageOut>, ApiError> {
    Ok(Json(shop.store.set_primary_image(slipper, image, shop.now()).await?.into()))
}
