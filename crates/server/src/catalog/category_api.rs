//! `/categories`.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use slippers_core::catalog::NewCategory;

use super::input::{CategoryList, CategoryPath, UpdateCategory};
use super::output::{CategoryOut, MessageOut};
use crate::http::call::{Admin, Anyone, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::Routes;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes
        .at("/categories/", get(list_categories).post(create_category))
        .at("/categories/{category_id}", get(find_category).put(update_category).delete(delete_category))
}

async fn list_categories(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, list): Call<Anyone, CategoryList>,
) -> Result<Json<Vec<CategoryOut>>, ApiError> {
    let categories = shop.store.list_categories(list.skip, list.limit).await?;
    Ok(Json(categories.into_iter().map(CategoryOut::from).collect()))
}

async fn find_category(
    State(shop): State<Arc<Shop>>,
    Call(Anyone, CategoryPath(id)): Call<Anyone, CategoryPath>,
) -> Result<Json<CategoryOut>, ApiError> {
    let category = shop.store.find_category(id).await?.ok_or(Code::CategoryNotFound)?;
    Ok(Json(category.into()))
}

async fn create_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), new): Call<Admin, NewCategory>,
) -> Result<Json<CategoryOut>, ApiError> {
    Ok(Json(shop.store.create_category(new, shop.now()).await?.into()))
}

async fn update_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), UpdateCategory(id, change)): Call<Admin, UpdateCategory>,
) -> Result<Json<CategoryOut>, ApiError> {
    Ok(Json(shop.store.update_category(id, change, shop.now()).await?.into()))
}

async fn delete_category(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), CategoryPath(id)): Call<Admin, CategoryPath>,
) -> Result<Json<MessageOut>, ApiError> {
    shop.store.delete_category(id).await?;
    Ok(Json(MessageOut { message: "Category deleted successfully" }))
}
