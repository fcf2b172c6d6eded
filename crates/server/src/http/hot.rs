//! The short way: a kept page goes out before anything else is asked. It does in one pass what the stack does for every
//! request (id, client, limit, headers, CORS, negotiation, conditions), and nothing of it is boxed.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderMap, Method, Request, Response};

use super::call::Bearer;
use super::client::client_address;
use super::consistency::X_SLIPPERS_CONSISTENCY;
use super::dress::Asked;
use super::limit::Decision;
use super::limits::Counted;
use super::log::trace_of;
use super::payload::Payload;
use super::stack::{Sent, Stack};
use crate::cache::PageKey;
use crate::catalog::page_key;
use crate::ops::Metrics;
use crate::ops::metrics::RouteId;

/// What pages are counted under.
#[derive(Debug)]
pub(super) struct PageRoutes {
    slippers: RouteId,
    slipper: RouteId,
    images: RouteId,
    categories: RouteId,
    category: RouteId,
}

impl PageRoutes {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            slippers: metrics.route("/slippers/"),
            slipper: metrics.route("/slippers/1"),
            images: metrics.route("/slippers/1/images"),
            categories: metrics.route("/categories/"),
            category: metrics.route("/categories/1"),
        }
    }

    const fn of(&self, key: &PageKey) -> RouteId {
        match key {
            PageKey::Slippers(_) => self.slippers,
            PageKey::Slipper { .. } => self.slipper,
            PageKey::Images(_) => self.images,
            PageKey::Categories { .. } => self.categories,
            PageKey::Category(_) => self.category,
        }
    }
}

/// What becomes of a request on the short way.
pub(super) enum Short {
    /// It is answered.
    Answered(Response<Payload>),
    /// The page is there, and its client has asked for too many.
    Refused(Decision),
    /// It must take the long way.
    Missed,
}

impl Stack {
    /// Answers with a kept page. Only what needs no waiting is done here.
    pub(super) fn try_short<B: http_body::Body>(&self, request: &Request<B>, peer: IpAddr) -> Short {
        let is_head = match *request.method() {
            Method::GET => false,
            Method::HEAD => true,
            _ => return Short::Missed,
        };
        let (uri, headers) = (request.uri(), request.headers());
        // What is left of a body must be read to its end.
        if !request.body().is_end_stream() {
            return Short::Missed;
        }
        let Some(key) = page_key(uri.path(), uri.query()) else { return Short::Missed };
        let started = Instant::now();
        let now = self.shop.cache.at(started);
        let Some(page) = self.shop.cache.get(&key, now) else { return Short::Missed };
        let bearer = Bearer::read(&self.shop, headers);
        if self.has_copies && self.must_keep_up(bearer, headers, started) {
            return Short::Missed;
        }
        let address = client_address(peer, headers, &self.shop.settings.trusted_proxies);
        let decision = match self.limits.count_page(uri.path(), bearer, address, now) {
            Counted::Never => None,
            Counted::Decided(decision) => Some(decision),
            // Nothing was counted yet.
            Counted::Ask(_) => return Short::Missed,
        };
        if let Some(refused) = decision.filter(|decision| !decision.allowed) {
            return Short::Refused(refused);
        }
        let asked = Asked { headers, is_head, id: self.ids.next(), started, now };
        let route = self.routes.of(&key);
        let trace = self.shop.spans.is_on().then(|| trace_of(headers, asked.id));
        let sent = Sent { method: request.method(), path: uri.path(), route, tally: None, trace };
        Short::Answered(self.send_page(&page, asked, decision, sent))
    }

    /// Whether somebody asks who must not be shown what another instance has changed a moment ago, or may be one of them.
    fn must_keep_up(&self, bearer: Bearer, headers: &HeaderMap, now: Instant) -> bool {
        let is_known_buyer = |claims| {
            let known = self.shop.sessions.find_kept(&*self.shop.store, claims, now);
            known.is_some_and(|user| !user.is_admin)
        };
        headers.contains_key(X_SLIPPERS_CONSISTENCY)
            || matches!(bearer, Bearer::Valid(claims) if !is_known_buyer(claims))
    }
}
