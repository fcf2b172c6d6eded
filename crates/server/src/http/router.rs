//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;

use super::errors::{ApiError, Code};
use crate::shop::Shop;
use crate::{accounts, cart, catalog, ops, orders};

/// A router under construction that serves every path with and without a slash at its end: front-ends use both, and a
/// redirect to another origin would make a browser drop their token.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    router: Router<Arc<Shop>>,
}

impl Routes {
    /// Serves both forms of `path`, which is written as the API's documents show it.
    pub(crate) fn at(self, path: &str, methods: MethodRouter<Arc<Shop>>) -> Self {
        let bare = path.trim_end_matches('/');
        let router = self.router.route(&format!("{bare}/"), methods.clone());
        Self { router: if bare.is_empty() { router } else { router.route(bare, methods) } }
    }

    /// Serves exactly `path`.
    pub(crate) fn exactly(self, path: &str, methods: MethodRouter<Arc<Shop>>) -> Self {
        Self { router: self.router.route(path, methods) }
    }
}

/// The whole API.
pub(crate) fn router(shop: Arc<Shop>) -> Router {
    let routes = [
        ops::router,
        accounts::router,
        catalog::category_router,
        catalog::slipper_router,
        cart::router,
        orders::router,
    ]
    .into_iter()
    .fold(Routes::default(), |routes, feature| feature(routes));
    routes
        .router
        .fallback(|| async { ApiError::from(Code::NotFound) })
        .method_not_allowed_fallback(|| async { ApiError::from(Code::MethodNotAllowed) })
        .with_state(shop)
}
