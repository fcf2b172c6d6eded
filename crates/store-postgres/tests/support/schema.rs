//! What tables there are, in a word.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::path::Path;

/// A name that changes with the migrations, and with what else is filled in.
#[expect(clippy::disallowed_methods, reason = "a test that reads its own sources")]
pub(crate) fn with(more: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the migrations")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut texts: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file).expect("a migration")).collect();
    texts.extend(more.iter().map(|text| (*text).to_owned()));
    format!("store-postgres {:016x}", BuildHasherDefault::<DefaultHasher>::new().hash_one(texts))
}
