//! Tags that name one state of what is sent (RFC 9110 sections 8.8.3 and 13).

use http::header::{AsHeaderName, HeaderMap, HeaderValue};

/// How tags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// To the letter; a weak tag matches nothing.
    Strong,
    /// A weak tag matches the strong one of the same text.
    Weak,
}

/// Whether our tag, or `*`, stands in one of these lists. Ours must have no comma or blank in it.
pub(crate) fn is_named_in(
    headers: &HeaderMap,
    name: impl AsHeaderName,
    ours: &HeaderValue,
    comparison: Comparison,
) -> bool {
    let ours = ours.as_bytes();
    let mut tags = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*"
            || tag == ours
            || comparison == Comparison::Weak && tag.strip_prefix(b"W/").is_some_and(|tag| tag == ours)
    })
}
