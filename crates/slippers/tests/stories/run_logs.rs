//! What the programs of a whole run wrote down, and what none of it may hold: with `SLIPPERS_RUN_LOGS` naming a folder,
//! every story adds its programs' words to the file `log` there and its secrets to `planted`; `script/canary` looks for
//! the second in the first when all stories have ended.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;

/// Shorter ones stand in a log by chance.
const SHORTEST: usize = 8;

/// Members of bodies that nobody else may read.
const SECRET_MEMBERS: [&str; 7] = [
    "password",
    "confirm_password",
    "current_password",
    "new_password",
    "phone_number",
    "access_token",
    "refresh_token",
];

struct Run {
    log: File,
    planted: File,
}

static RUN: LazyLock<Option<Run>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os("SLIPPERS_RUN_LOGS")?);
    let open = |name: &str| {
        // Many tests write at once, each a line at a time: appending keeps lines whole.
        let file = OpenOptions::new().create(true).append(true).open(folder.join(name));
        file.unwrap_or_else(|error| panic!("SLIPPERS_RUN_LOGS/{name}: {error}"))
    };
    Some(Run { log: open("log"), planted: open("planted") })
});

/// What programs log while nobody asks them for something else: everything, when it is looked at.
pub(crate) fn settings() -> &'static [(&'static str, &'static str)] {
    if RUN.is_some() {
        &[("SLIPPERS_LOG", "debug"), ("SLOW_REQUEST_MS", "0")]
    } else {
        &[("SLIPPERS_LOG", "warn")]
    }
}

/// Adds a line that a program said.
pub(crate) fn keep(line: &str) {
    // A new demo's welcome on stdout tells its admin's random password once: that is how its owner gets in.
    let is_welcome = line.starts_with("  password   ");
    if let Some(run) = &*RUN
        && !is_welcome
    {
        (&run.log).write_all(format!("{line}\n").as_bytes()).expect("the run's log takes it");
    }
}

/// Whether a command logged this line. All else is for whoever typed the command, and may repeat what was typed.
pub(crate) fn is_logged(line: &str) -> bool {
    line.starts_with('{') || line.split_once('T').is_some_and(|(day, _)| day.len() == "2026-11-28".len())
}

/// Adds something that no program may say.
pub(crate) fn plant(secret: &str) {
    let is_line = !secret.contains(['\n', '\r', '\0']);
    if let Some(run) = &*RUN
        && is_line
        && secret.len() >= SHORTEST
    {
        (&run.planted).write_all(format!("{secret}\n").as_bytes()).expect("the run's secrets take it");
    }
}

/// Adds what stands in a body that a story sends or gets.
pub(crate) fn plant_of_body(body: &[u8]) {
    if RUN.is_none() || body.len() > 1 << 16 {
        return;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return };
    for name in SECRET_MEMBERS {
        if let Some(text) = members.get(name).and_then(Value::as_str) {
            // A token is known by its signature, a phone by its digits: however they are cut, those are what is told.
            let (_, last) = text.rsplit_once('.').unwrap_or(("", text));
            plant(last.trim_start_matches('+').trim());
        }
    }
}

/// Adds the values of settings that are secrets by their names.
pub(crate) fn plant_of_settings(settings: &[(String, String)]) {
    for (name, value) in settings {
        if ["KEY", "SECRET", "SECRETS", "PASSWORD", "TOKEN"].iter().any(|end| name.ends_with(end)) {
            plant(value);
        }
    }
}
