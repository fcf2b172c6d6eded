//! What fuzzing runs: a body for each target, which takes any bytes at all and holds what they come to against a promise.
//!
//! The targets of `fuzz/` call them under a fuzzer, and a test here calls them with the corpora of `fuzz/corpus` and a
//! few thousand mutations of those, so that every run of the tests stands on what fuzzers found.

mod form;
mod requests;
mod tokens;
mod values;

#[cfg(test)]
mod corpus;

/// What a target does with its input. It panics where a promise is broken.
pub type Body = fn(&[u8]);

/// Every target: its name, which is that of its file in `fuzz/fuzz_targets` and of its corpus, and its body.
pub const TARGETS: [(&str, Body); 9] = [
    ("access_token", tokens::access),
    ("body", requests::body),
    ("form", form::form),
    ("money", values::money),
    ("phone", values::phone),
    ("query", requests::query),
    ("refresh_token", tokens::refresh),
    ("search", values::search),
    ("signed_claims", tokens::signed_claims),
];

/// Runs one target.
///
/// # Panics
/// A promise is broken, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    assert!(found.is_some(), "no target is called {name}");
    if let Some((_, body)) = found {
        body(data);
    }
}
