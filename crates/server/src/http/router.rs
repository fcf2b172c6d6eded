//! Which path leads where, and what the API's document says of it: a route is made from its operation, so that the two
//! can't tell different things.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;

pub(crate) use super::compress::accepts_gzip;
use super::errors::{ApiError, Code};
use crate::ops::metrics::requests::Template;
use crate::ops::openapi::{Document, Facts, Registered};
use crate::shop::Shop;
use crate::{accounts, audit, cart, catalog, images, ops, orders, outbox, payments};

/// Handlers with what `#[utoipa::path]` says of each and what their arguments tell, as [`Routes`] takes them.
macro_rules! operations {
    ($($handler:ident),+ $(,)?) => {
        [$($crate::http::router::Operation::new(
            utoipa_axum::routes!($handler),
            $crate::ops::openapi::facts_of(&$handler),
        )),+]
    };
}
pub(crate) use operations;

/// A handler and what the document says of it.
pub(crate) struct Operation {
    methods: MethodRouter<Arc<Shop>>,
    registered: Registered,
}

impl Operation {
    /// Joins what `utoipa_axum::routes!` made of one handler with what its arguments tell.
    pub(crate) fn new(
        (schemas, paths, methods): utoipa_axum::router::UtoipaMethodRouter<Arc<Shop>>,
        facts: Facts,
    ) -> Self {
        Self { methods, registered: Registered { schemas, paths, facts } }
    }
}

/// A router under construction that serves every path with and without a slash at its end: front-ends use both, and a
/// redirect to another origin would make a browser drop their token.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Arc<Shop>>,
    document: Document,
    templates: Vec<Template>,
}

impl Routes {
    /// Serves operations at both forms of their paths, which are written as the API's document shows them.
    pub(crate) fn at<const N: usize>(self, operations: [Operation; N]) -> Self {
        operations.into_iter().fold(self, |routes, Operation { methods, registered }| {
            let path = registered.path();
            let bare = path.trim_end_matches('/').to_owned();
            let slashed = format!("{bare}/");
            let router = routes.router.route(&slashed, methods.clone());
            let router = if bare.is_empty() { router } else { router.route(&bare, methods) };
            let forms = [slashed, bare].into_iter().filter(|form| !form.is_empty());
            let templates = forms.map(|form| Template { path: form, label: path.clone() });
            let templates = routes.templates.into_iter().chain(templates).collect();
            Self { router, document: routes.document.with(registered), templates }
        })
    }

    /// Serves an operation whose path ends with a parameter that may have slashes.
    pub(crate) fn below(self, [Operation { methods, registered }]: [Operation; 1]) -> Self {
        let label = registered.path();
        let path = label.replace('{', "{*");
        let router = self.router.route(&path, methods);
        let template = Template { path, label };
        let templates = self.templates.into_iter().chain([template]).collect();
        Self { router, document: self.document.with(registered), templates }
    }

    /// Serves exactly `path`, which is no part of the API and so of its document.
    pub(crate) fn unlisted(self, path: &str, methods: MethodRouter<Arc<Shop>>) -> Self {
        let template = Template { path: path.to_owned(), label: path.to_owned() };
        let templates = self.templates.into_iter().chain([template]).collect();
        Self { router: self.router.route(path, methods), templates, ..self }
    }
}

/// Every feature's routes.
fn routes() -> Routes {
    [
        ops::router,
        accounts::router,
        accounts::user_router,
        accounts::reset_router,
        catalog::category_router,
        catalog::slipper_router,
        images::router,
        cart::router,
        orders::router,
        payments::router,
        payments::webhook_router,
        payments::admin_router,
        audit::router,
        outbox::router,
    ]
    .into_iter()
    .fold(Routes::default(), |routes, feature| feature(routes))
}

/// The whole API.
pub(crate) fn router(shop: Arc<Shop>) -> Router {
    routes()
        .router
        .fallback(|| async { ApiError::from(Code::NotFound) })
        .method_not_allowed_fallback(|| async { ApiError::from(Code::MethodNotAllowed) })
        .with_state(shop)
}

/// Every path of the whole API once, with the name that it is counted under.
pub(crate) fn templates() -> BTreeSet<Template> {
    routes().templates.into_iter().collect()
}

/// What the document says of the whole API.
pub(crate) fn document() -> Document {
    routes().document
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    type Served = BTreeSet<(String, String)>;

    /// Every path and method that axum's own router knows, which it tells nowhere but in its debug output.
    fn routed() -> Served {
        let told = format!("{:?}", routes().router);
        let told = told.split("fallback_router").next().expect("the routes");
        let allowed =
            regex::Regex::new(r#"RouteId\((\d+)\): MethodRouter.*?allow_header: Bytes\(b"([A-Z,]+)"\)"#);
        let allowed = allowed.expect("a pattern");
        let methods: HashMap<_, _> = allowed
            .captures_iter(told)
            .map(|c| c.extract::<2>().1)
            .map(|[id, methods]| (id, methods))
            .collect();
        let paths = regex::Regex::new(r#"RouteId\((\d+)\): "([^"]+)""#).expect("a pattern");
        paths
            .captures_iter(told)
            .map(|c| c.extract::<2>().1)
            .flat_map(|[id, path]| {
                methods[id].split(',').map(move |method| (path.to_owned(), method.to_owned()))
            })
            .filter(|(_, method)| method != "HEAD")
            .collect()
    }

    /// Every path, in both forms, and method of the document.
    fn documented() -> Served {
        let document = serde_json::to_value(document().finish()).expect("serializes");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| (path.as_str(), method.to_uppercase()))
        });
        operations
            .flat_map(|(path, method)| {
                let bare = path.trim_end_matches('/');
                let forms = match path {
                    "/" => vec![path.to_owned()],
                    "/static/{path}" => vec!["/static/{*path}".to_owned()],
                    _ => vec![bare.to_owned(), format!("{bare}/")],
                };
                forms.into_iter().map(move |form| (form, method.clone()))
            })
            .collect()
    }

    #[test]
    fn what_is_served_is_documented_and_the_other_way_round() {
        let mut routed = routed();
        assert!(routed.remove(&("/docs/{*path}".to_owned(), "GET".to_owned())), "the page's own files");
        let documented = documented();
        assert!(documented.len() > 40);
        assert_eq!(routed, documented);
    }
}
