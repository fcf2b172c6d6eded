//! `slippers openapi`

use crate::console;

pub(super) fn run() {
    console::say(slippers_server::openapi_json().trim_end());
}
