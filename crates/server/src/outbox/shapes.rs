//! What clients send about dead letters, for the document. What reads it is `api`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use utoipa::IntoParams;

use super::api::DEFAULT_LETTERS;

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLetterListQuery {
    /// Only those with a smaller `id`: the last one of the list before.
    #[param(required = false, minimum = 1)]
    before: i64,
    /// How many to list at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = json!(DEFAULT_LETTERS))]
    max: i64,
}
