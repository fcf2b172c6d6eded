//! The documents of the API for people: `/docs` to try it, `/redoc` to read it. Both work without the internet, and
//! `/redoc` without JavaScript.

mod reference;
mod schema;

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::Arc;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use flate2::read::GzDecoder;
use utoipa_swagger_ui::Config;

pub(crate) use reference::reference_page;

/// What of Swagger UI the page under `/docs` loads, with its media types. The rest of the package is not served.
const SWAGGER_FILES: [(&str, &str); 5] = [
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("index.css", "text/css; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
    ("favicon-16x16.png", "image/png"),
];

/// The page under `/docs` and `/docs/`: Swagger UI over `/openapi.json`.
pub(crate) const fn swagger_page() -> Html<&'static str> {
    Html(include_str!("../../assets/docs/swagger.html"))
}

/// A file that the page under `/docs` loads.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    /// Its content, packed when `gzipped`.
    pub(crate) bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// Whether `bytes` are a gzip file.
    pub(crate) gzipped: bool,
}

/// The file under `/docs/{path}`; `None` when the page has none of this name. They lie packed in the binary (1.5 MB of
/// script as 0.4 MB), and are unpacked only for a client that takes no gzip.
pub(crate) fn swagger_asset(path: &str, accepts_gzip: bool) -> Option<Asset> {
    if path == "initializer.js" {
        let bytes = include_bytes!("../../assets/docs/initializer.js").as_slice().into();
        return Some(Asset { bytes, content_type: "text/javascript; charset=utf-8", gzipped: false });
    }
    let (name, content_type) = SWAGGER_FILES.into_iter().find(|(name, _)| *name == path)?;
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok()??;
    if !file.gzpipped || accepts_gzip {
        return Some(Asset { bytes: file.bytes, content_type, gzipped: file.gzpipped });
    }
    let mut bytes = Vec::new();
    GzDecoder::new(file.bytes.as_ref()).read_to_end(&mut bytes).ok()?;
    Some(Asset { bytes: bytes.into(), content_type, gzipped: false })
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        // The names do not change with the version, so an update is seen after an hour.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        if self.gzipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_page_loads_is_in_the_binary() {
        let page = swagger_page().0;
        let files: Vec<_> =
            page.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(files.len(), 5, "{files:?}");
        for file in files {
            assert!(swagger_asset(file, true).is_some(), "{file}");
        }
        assert!(!page.contains("//"), "nothing comes from elsewhere");
        let script = swagger_asset("initializer.js", false).expect("our own file");
        assert!(str::from_utf8(&script.bytes).expect("UTF-8").contains("\"/openapi.json\""));
    }

    #[test]
    fn assets_come_packed_or_plain() {
        let packed = swagger_asset("swagger-ui-bundle.js", true).expect("the script");
        assert!(packed.gzipped && packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() < 600_000);
        let plain = swagger_asset("swagger-ui-bundle.js", false).expect("the script");
        assert!(!plain.gzipped && plain.bytes.len() > 1_000_000);
        assert!(str::from_utf8(&plain.bytes).expect("UTF-8").contains("SwaggerUIBundle"));
        let headers = packed.into_response().into_parts().0.headers;
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
        assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(!plain.into_response().headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn nothing_else_is_served() {
        for path in
            ["", "/", "index.html", "swagger-ui.js", "oauth2-redirect.html", "../Cargo.toml", "INDEX.CSS"]
        {
            assert!(swagger_asset(path, true).is_none(), "{path}");
        }
    }
}
