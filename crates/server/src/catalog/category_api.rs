//! `/categories`.

use std::sync::Arc;

use axum::extract::State;
use slippers_core::catalog::NewCategory;

use super::input::{CategoryList, CategoryPath, UpdateCategory};
use super::output::{CategoryOut, MessageOut};
use super::shapes::{CategoryChangeIn, CategoryIn, CategoryListQuery};
use crate::http::call::{Admin, Anyone, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::images::to_the_end;
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![list_categories, create_category, find_category, update_category, delete_category])
}

/// List the categories
///
/// By id, inactive ones too.
#[utoipa::path(
    get,
    path = "/categories/",
    tag = CATEGORIES,
    params(CategoryListQuery),
    responses((status = 200, description = "The categories", body = Vec<CategoryOut>)),
)]
async fn list_categories(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, list): Call<Anyone, CategoryList>,
) -> Result<Json<Vec<CategoryOut>>, ApiError> {
    let categories = shop.store.list_categories(list.skip, list.limit).await?;
    Ok(Json(categories.into_iter().map(CategoryOut::from).collect()))
}

/// Show a category
#[utoipa::path(
    get,
    path = "/categories/{category_id}",
    tag = CATEGORIES,
    params(("category_id" = i64, Path, description = "The category's id")),
    responses((status = 200, description = "The category", body = CategoryOut), CategoryNotFound),
)]
async fn find_category(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, CategoryPath(id)): Call<Anyone, CategoryPath>,
) -> Result<Json<CategoryOut>, ApiError> {
    let category = shop.store.find_category(id).await?.ok_or(Code::CategoryNotFound)?;
    Ok(Json(category.into()))
}

/// Make a category
#[utoipa::path(
    post,
    path = "/categories/",
    tag = CATEGORIES,
    request_body = CategoryIn,
    responses((status = 200, description = "The new category", body = CategoryOut), CategoryNameTaken),
)]
async fn create_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), new): Call<Admin, NewCategory>,
) -> Result<Json<CategoryOut>, ApiError> {
    Ok(Json(shop.store.create_category(new, admin.by(), shop.now()).await?.into()))
}

/// Change a category
#[utoipa::path(
    put,
    path = "/categories/{category_id}",
    tag = CATEGORIES,
    params(("category_id" = i64, Path, description = "The category's id")),
    request_body = CategoryChangeIn,
    responses(
        (status = 200, description = "The category as it is now", body = CategoryOut),
        CategoryNotFound, CategoryNameTaken,
    ),
)]
async fn update_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), UpdateCategory(id, change)): Call<Admin, UpdateCategory>,
) -> Result<Json<CategoryOut>, ApiError> {
    Ok(Json(shop.store.update_category(id, change, admin.by(), shop.now()).await?.into()))
}

/// Delete a category
///
/// Its products stay, without a category.
#[utoipa::path(
    delete,
    path = "/categories/{category_id}",
    tag = CATEGORIES,
    params(("category_id" = i64, Path, description = "The category's id")),
    responses((status = 200, description = "It is gone", body = MessageOut), CategoryNotFound),
)]
async fn delete_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), CategoryPath(id)): Call<Admin, CategoryPath>,
) -> Result<Json<MessageOut>, ApiError> {
    // A large one goes part by part: it is not left halfway because somebody closed a browser.
    to_the_end(async move { shop.store.delete_category(id, admin.by(), shop.now()).await }).await?;
    Ok(Json(MessageOut { message: "Category deleted successfully" }))
}
