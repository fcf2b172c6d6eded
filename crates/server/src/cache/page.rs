//! An answer as it is kept: the bytes that are sent, and what names them.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::body::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::generations::Stamp;
use super::key::PageKey;
use crate::http::compress;

/// What a page takes beside its bytes: its own fields, three headers, and its place in the table.
const OVERHEAD: usize = 640;

/// A rendered page of the catalogue.
#[derive(Debug)]
pub(crate) struct Page {
    json: Bytes,
    /// Made when the first client wants it: a page that is read once by a program is spared the work.
    packed: OnceLock<Option<Bytes>>,
    etag: HeaderValue,
    packed_etag: HeaderValue,
    surrogate: HeaderValue,
    weight: u64,
    pub(super) stamp: Stamp,
    pub(super) expires_at: u64,
}

/// The bytes that one client gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'p> {
    pub(crate) body: &'p Bytes,
    /// Strong: of these bytes.
    pub(crate) etag: &'p HeaderValue,
    pub(crate) is_packed: bool,
}

impl Page {
    pub(super) fn new(key: &PageKey, json: Vec<u8>, stamp: Stamp, expires_at: u64) -> Self {
        let name = digest(&json);
        let packed = if is_packable(json.len()) { json.len() / 2 } else { 0 };
        let weight = OVERHEAD + json.len() + packed + key.heap_bytes();
        Self {
            etag: tag(&name, ""),
            packed_etag: tag(&name, "-gz"),
            surrogate: key.surrogate(),
            weight: u64::try_from(weight).unwrap_or(u64::MAX),
            // Without the room that it grew in.
            json: Bytes::from(json.into_boxed_slice()),
            packed: OnceLock::new(),
            stamp,
            expires_at,
        }
    }

    /// What to send to somebody who unpacks gzip, or doesn't.
    pub(crate) fn form(&self, takes_gzip: bool) -> Form<'_> {
        let packed = if takes_gzip { self.packed() } else { None };
        match packed {
            Some(body) => Form { body, etag: &self.packed_etag, is_packed: true },
            None => Form { body: &self.json, etag: &self.etag, is_packed: false },
        }
    }

    /// Whether there are two forms of it.
    pub(crate) fn is_packable(&self) -> bool {
        is_packable(self.json.len())
    }

    /// Bytes of its JSON.
    pub(crate) fn len(&self) -> usize {
        self.json.len()
    }

    pub(crate) fn surrogate(&self) -> &HeaderValue {
        &self.surrogate
    }

    /// The memory that it takes at most.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    fn packed(&self) -> Option<&Bytes> {
        let pack = || {
            let packed = compress::gzip(&self.json)?;
            // Within what was reckoned for it; JSON shrinks to a fifth.
            (packed.len() <= self.json.len() / 2).then(|| Bytes::from(packed.into_boxed_slice()))
        };
        if self.is_packable() { self.packed.get_or_init(pack).as_ref() } else { None }
    }
}

fn is_packable(bytes: usize) -> bool {
    bytes > compress::MIN_BYTES && u64::try_from(bytes).is_ok_and(|bytes| bytes <= compress::MAX_BYTES)
}

/// The same content has the same name on every machine and after every restart.
fn digest(json: &[u8]) -> String {
    let digest = Sha256::digest(json);
    digest.iter().take(12).fold(String::with_capacity(24), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn tag(name: &str, form: &str) -> HeaderValue {
    // Hexadecimal digits are always fit for a header.
    HeaderValue::try_from(format!("\"{name}{form}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::clock::Coarse;
    use super::super::generations::Generations;
    use super::super::key::tests::list;
    use super::*;

    fn page(json: &[u8]) -> Page {
        let stamp = Generations::new(Coarse::start()).stamp(&list(0), 0);
        Page::new(&list(0), json.to_vec(), stamp, 0)
    }

    #[test]
    fn a_tag_names_these_bytes_and_no_others() {
        let text = "slippers ".repeat(500);
        let (one, same, other) = (page(text.as_bytes()), page(text.as_bytes()), page(b"else"));
        assert_eq!(one.form(false).etag, same.form(false).etag);
        assert_ne!(one.form(false).etag, other.form(false).etag);
        assert_ne!(one.form(false).etag, one.form(true).etag, "packed bytes are others");
        let tag = one.form(true).etag.to_str().expect("text");
        assert!(tag.starts_with('"') && tag.ends_with("-gz\""), "{tag}");
    }

    #[test]
    fn who_unpacks_gets_the_same_in_fewer_bytes_and_no_more_than_was_reckoned() {
        let text = "slippers ".repeat(500);
        let page = page(text.as_bytes());
        let form = page.form(true);
        assert!(form.is_packed && form.body.len() < text.len() / 2);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&form.body[..]).read_to_string(&mut unpacked).expect("unpacks");
        assert_eq!(unpacked, text);
        let bytes = page.len() + form.body.len();
        assert!(u64::try_from(bytes).is_ok_and(|bytes| bytes < page.weight()));
    }

    #[test]
    fn what_is_small_or_does_not_shrink_is_sent_as_it_is() {
        assert!(!page(&[b'a'; 1000]).form(true).is_packed);
        let noise: Vec<u8> = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        assert!(!page(&noise).form(true).is_packed);
    }
}
