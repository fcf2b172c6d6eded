//! Which other sites' pages may read the answers (Fetch standard, CORS protocol).

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::settings::CorsSettings;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Authorization, Refresh-Token, Token-Type, X-Expires-In, X-Slippers-Consistency",
);
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The allowed origins, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    settings: CorsSettings,
}

impl Cors {
    pub(crate) fn new(settings: CorsSettings) -> Self {
        Self { settings }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        let matches_whole = |pattern: &regex::Regex| {
            pattern.find(origin).is_some_and(|found| found.start() == 0 && found.end() == origin.len())
        };
        self.settings.origins.iter().any(|allowed| allowed == origin)
            || self.settings.origin_pattern.as_ref().is_some_and(matches_whole)
    }

    /// The answer to any OPTIONS request: a preflight's verdict, or `{}` when it is none.
    pub(crate) fn answer_options(&self, request: &HeaderMap) -> Response<Body> {
        let (Some(origin), true) = (request.get(ORIGIN), request.contains_key(ACCESS_CONTROL_REQUEST_METHOD))
        else {
            let mut response = Response::new(Body::from("{}"));
            response.headers_mut().insert(CONTENT_TYPE, super::json::APPLICATION_JSON);
            self.expose(request, false, response.headers_mut());
            return response;
        };
        let allowed = self.allows(origin);
        let text = if allowed { "OK" } else { "Disallowed CORS origin" };
        let mut response = Response::new(Body::from(text));
        if !allowed {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        if allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }

    /// The headers of an answer to another site's page. Other origins are served too; their pages can't read it. What
    /// caches may keep says that it depends on the origin, whoever asks first.
    pub(crate) fn expose(&self, request: &HeaderMap, is_cached: bool, response: &mut HeaderMap) {
        let origin = request.get(ORIGIN);
        if is_cached || origin.is_some_and(|origin| self.allows(origin)) {
            response.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            Self::prepare(response);
            self.name(origin, response);
        }
    }

    /// What every answer to another site's page tells, with a place for that site's name.
    pub(crate) fn prepare(response: &mut HeaderMap) {
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(""));
    }

    /// Puts the site's name into its place if its pages may read the answer, and takes the place away if not.
    pub(crate) fn name(&self, origin: &HeaderValue, prepared: &mut HeaderMap) {
        // Not a clone, which shares the text of the request: as long as that is held, hyper reads the next one into another
        // buffer of 8 KiB.
        match HeaderValue::from_bytes(origin.as_bytes()) {
            Ok(name) if self.allows(origin) => drop(prepared.insert(ACCESS_CONTROL_ALLOW_ORIGIN, name)),
            _ => drop(prepared.remove(ACCESS_CONTROL_ALLOW_ORIGIN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors::new(CorsSettings {
            origins: vec!["http://localhost:3000".into()],
            origin_pattern: Some(
                regex::Regex::new(r"^https?://(.+\.)?optomoyoqkiyim\.uz$").expect("a pattern"),
            ),
        })
    }

    fn allowed(origin: &'static str) -> bool {
        cors().allows(&HeaderValue::from_static(origin))
    }

    #[test]
    fn origins_are_matched_as_a_whole() {
        assert!(allowed("http://localhost:3000"));
        assert!(allowed("https://www.optomoyoqkiyim.uz"));
        assert!(!allowed("http://localhost:3001"));
        assert!(!allowed("https://optomoyoqkiyim.uz.evil.example"));
        assert!(!allowed("null"));
        let loose = Cors::new(CorsSettings {
            origins: vec![],
            origin_pattern: Some(regex::Regex::new("good").expect("a pattern")),
        });
        assert!(!loose.allows(&HeaderValue::from_static("https://good.evil.example")));
    }

    #[test]
    fn what_caches_keep_depends_on_the_origin_whoever_asks_first() {
        let mut response = HeaderMap::new();
        cors().expose(&HeaderMap::new(), true, &mut response);
        assert_eq!(response[VARY], "Origin");
        let mut response = HeaderMap::new();
        cors().expose(&HeaderMap::new(), false, &mut response);
        assert!(response.is_empty());
    }

    #[test]
    fn a_preflight_echoes_what_is_wanted() {
        let mut request = HeaderMap::new();
        request.insert(ORIGIN, HeaderValue::from_static("http://localhost:3000"));
        request.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        request.insert(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("content-type,x-any"));
        let response = cors().answer_options(&request);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type,x-any");
        request.insert(ORIGIN, HeaderValue::from_static("https://evil.example"));
        let response = cors().answer_options(&request);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
