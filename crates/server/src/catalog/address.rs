//! Which page a request is for, read without a detour: the short way to a page that is kept.
//!
//! What is not plain here is no page at all to the short way, and the long way reads it by its own rules. So this never
//! says more than those rules do: a test holds the two against each other.

use std::borrow::Cow;

use slippers_core::catalog::{SearchTerm, SlipperQuery, Sort};
use slippers_core::types::{CategoryId, MAX_PAGE_LIMIT, Page, SlipperId};

use super::input::{DEFAULT_CATEGORIES, DEFAULT_SLIPPERS, MAX_SEARCH};
use crate::cache::PageKey;

/// The page at this path with this query, or `None` when that takes a closer look.
pub(crate) fn page_key(path: &str, query: Option<&str>) -> Option<PageKey> {
    let query = query.unwrap_or("");
    if let Some(rest) = path.strip_prefix("/slippers") {
        slipper_page(rest, query)
    } else if let Some(rest) = path.strip_prefix("/categories") {
        category_page(rest, query)
    } else {
        None
    }
}

fn slipper_page(rest: &str, query: &str) -> Option<PageKey> {
    if matches!(rest, "" | "/") {
        return list(query);
    }
    let rest = rest.strip_prefix('/')?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let id = SlipperId::new(whole(id)?);
    match rest {
        "" => {
            let mut with_images = true;
            for (name, value) in pairs(query) {
                if name == "include_images" {
                    with_images = flag(&value)?;
                }
            }
            Some(PageKey::Slipper { id, with_images })
        }
        "images" | "images/" => Some(PageKey::Images(id)),
        _ => None,
    }
}

fn category_page(rest: &str, query: &str) -> Option<PageKey> {
    if !matches!(rest, "" | "/") {
        let id = rest.strip_prefix('/')?;
        let id = id.strip_suffix('/').unwrap_or(id);
        return Some(PageKey::Category(CategoryId::new(whole(id)?)));
    }
    let (mut skip, mut limit) = (0, DEFAULT_CATEGORIES);
    for (name, value) in pairs(query) {
        match &*name {
            "skip" => skip = whole(&value)?,
            "limit" => limit = page_limit(&value)?,
            _ => {}
        }
    }
    Some(PageKey::Categories { skip, limit })
}

fn list(query: &str) -> Option<PageKey> {
    let (mut skip, mut page, mut limit) = (None, None, DEFAULT_SLIPPERS);
    let (mut category, mut search, mut sort, mut with_images) = (None, None, Sort::IdDesc, true);
    // Of a name that comes twice the last one counts.
    for (name, value) in pairs(query) {
        match &*name {
            "skip" => skip = Some(whole(&value)?),
            "page" => page = Some(whole(&value).filter(|number| *number > 0)?),
            "limit" => limit = page_limit(&value)?,
            "category_id" => category = Some(whole(&value)?).filter(|id| *id != 0),
            "search" => search = search_term(&value)?,
            "sort" => sort = known_sort(&value)?,
            "include_images" => with_images = flag(&value)?,
            _ => {}
        }
    }
    let page = match (skip, page) {
        (None, Some(number)) => Page::numbered(number, limit),
        (skip, _) => Page::new(skip.unwrap_or(0), limit),
    };
    let category = category.map(CategoryId::new);
    Some(PageKey::Slippers(SlipperQuery { page, category, search, sort, with_images }))
}

fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}

/// Plain digits.
fn whole(text: &str) -> Option<i64> {
    let is_plain = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn page_limit(text: &str) -> Option<i64> {
    whole(text).filter(|limit| (1..=MAX_PAGE_LIMIT).contains(limit))
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[expect(
    clippy::option_option,
    reason = "nothing searched for, and something that takes a closer look, are two answers"
)]
fn search_term(text: &str) -> Option<Option<SearchTerm>> {
    let is_plain = text.len() <= MAX_SEARCH && !text.contains('\0');
    is_plain.then(|| SearchTerm::new(text))
}

/// The order of this name; `None` for names that only stand for another order: those are shown as they were sent.
pub(super) fn known_sort(name: &str) -> Option<Sort> {
    Some(Sort::parse(name)).filter(|sort| *sort != Sort::NameAsc || name == "name_asc")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::input::{CategoryList, CategoryPath, SlipperDetail, SlipperList, SlipperPath};
    use super::*;
    use crate::http::input::{Check, Input, Source};

    /// What the long way makes of the same fields.
    fn read<I: Input>(id: Option<(&str, &str)>, query: &str) -> Option<I> {
        let path = id.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let source = Source { path, query: Source::parse_query(query), body: None };
        let mut check = Check::new(&source, false);
        let input = I::read(&mut check);
        input.filter(|_| check.into_faults().is_empty())
    }

    /// The page that the long way would send; `None` for a refusal, and for pages that are not kept.
    fn long_way(path: &str, query: &str) -> Option<PageKey> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts[..] {
            ["slippers"] => {
                let list: SlipperList = read(None, query)?;
                known_sort(&list.sort).map(|_| PageKey::Slippers(list.query))
            }
            ["slippers", id] => read(Some(("slipper_id", id)), query)
                .map(|SlipperDetail { id, with_images }| PageKey::Slipper { id, with_images }),
            ["slippers", id, "images"] => {
                read(Some(("slipper_id", id)), query).map(|SlipperPath(id)| PageKey::Images(id))
            }
            ["categories"] => {
                read(None, query).map(|CategoryList { skip, limit }| PageKey::Categories { skip, limit })
            }
            ["categories", id] => {
                read(Some(("category_id", id)), query).map(|CategoryPath(id)| PageKey::Category(id))
            }
            _ => None,
        }
    }

    #[test]
    fn what_clients_ask_every_day_goes_the_short_way() {
        for (path, query) in [
            ("/slippers/", ""),
            ("/slippers", "limit=20"),
            ("/slippers/", "skip=20&limit=20&sort=price_asc&include_images=true"),
            ("/slippers/", "page=2&category_id=3"),
            ("/slippers/", "search=%D1%82%D0%B0%D0%BF%D0%BE&sort=name_asc"),
            ("/slippers/", "search=mu+comfort&utm_source=ad"),
            ("/slippers/7", "include_images=false"),
            ("/slippers/7/", ""),
            ("/slippers/7/images", "x=y"),
            ("/categories/", "skip=0&limit=100"),
            ("/categories/3", ""),
        ] {
            assert!(page_key(path, Some(query)).is_some(), "{path}?{query}");
            assert_eq!(page_key(path, Some(query)), long_way(path, query), "{path}?{query}");
        }
    }

    #[test]
    fn spellings_of_one_page_are_one_page() {
        let page = page_key("/slippers/", None);
        for query in
            ["", "limit=20", "skip=0", "sort=id_desc&include_images=1", "limit=5&limit=020", "a=b&c=%41"]
        {
            assert_eq!(page_key("/slippers", Some(query)), page, "{query}");
        }
        assert_eq!(
            page_key("/slippers/", Some("search=МУ&page=3")),
            page_key("/slippers/", Some("skip=40&search=%D0%BC%D1%83"))
        );
    }

    #[test]
    fn anything_else_is_left_to_the_long_way() {
        for (path, query) in [
            ("/slippers/", "limit=0"),
            ("/slippers/", "limit=101"),
            ("/slippers/", "limit="),
            ("/slippers/", "skip=-1"),
            ("/slippers/", "sort=zzz"),
            ("/slippers/", "search=%00"),
            ("/slippers/", "include_images=maybe"),
            ("/slippers/x", ""),
            ("/slippers/9999999999999999999999", ""),
            ("/slippers//", ""),
            ("/slippers/7//", ""),
            ("/slippers/7/images/1", ""),
            ("/slippers/7/upload-images/", ""),
            ("/slippersx", ""),
            ("/categories/1/2", ""),
            ("/cart", ""),
            ("/", ""),
        ] {
            assert_eq!(page_key(path, Some(query)), None, "{path}?{query}");
        }
    }

    fn any_value() -> impl Strategy<Value = String> {
        let known =
            ["", "0", "1", "007", "20", "100", "101", "-1", "+3", "3.0", "true", "false", "Yes", "off"];
        let more =
            ["price_asc", "name_asc", "zzz", "id_desc", "%31", "%D0%BC", "a+b", "\0", "99999999999999999999"];
        prop_oneof![
            4 => proptest::sample::select([known.as_slice(), more.as_slice()].concat()).prop_map(str::to_owned),
            1 => "[ -~]{0,12}",
        ]
    }

    fn any_query() -> impl Strategy<Value = String> {
        let names =
            ["skip", "limit", "page", "category_id", "search", "sort", "include_images", "li%6Dit", "x"];
        let pair = (proptest::sample::select(names.to_vec()), any_value(), any::<bool>());
        let pair = pair.prop_map(|(name, value, whole)| {
            if whole { format!("{name}={}", value.replace(['&', '#'], "")) } else { name.to_owned() }
        });
        proptest::collection::vec(pair, 0..6).prop_map(|pairs| pairs.join("&"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_leads_to_the_same_page_as_the_long_one(
            path in proptest::sample::select(vec![
                "/slippers", "/slippers/", "/slippers/7", "/slippers/007/", "/slippers/7/images", "/categories/",
                "/categories/0", "/slippers/+7", "/slippers/7.0",
            ]),
            query in any_query(),
        ) {
            if let Some(page) = page_key(path, Some(&query)) {
                prop_assert_eq!(Some(page), long_way(path, &query), "{}?{}", path, query);
            }
        }
    }
}
