//! The house's own rules: which crate may know which, what ARCHITECTURE.md names, what every crate forbids.
#![expect(clippy::expect_used, reason = "a house rule that can't be checked is broken")]
#![expect(clippy::disallowed_methods, reason = "the rules are read from files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Files longer than this are rooms to divide.
const LONGEST_FILE: usize = 400;

/// Who may depend on whom. Development dependencies are arrows too, except those on the contract suite.
const ARROWS: [(&str, &[&str]); 12] = [
    // Measures a shop that runs, beside servers of its own.
    ("slippers-bench", &["slippers-testbed"]),
    // Counts the instructions of a whole shop.
    ("slippers-count", &["slippers-core", "slippers-server", "slippers-store-sqlite"]),
    ("slippers-core", &[]),
    ("slippers-store-contract", &["slippers-core"]),
    ("slippers-testbed", &[]),
    ("slippers-store-sqlite", &["slippers-core", "slippers-store-contract"]),
    ("slippers-store-postgres", &["slippers-core", "slippers-store-contract", "slippers-testbed"]),
    // On itself: its tests turn its simulators on.
    ("slippers-gateways", &["slippers-core", "slippers-gateways"]),
    ("slippers-pictures", &[]),
    ("slippers-drawing", &[]),
    ("slippers-server", &["slippers-core", "slippers-gateways", "slippers-pictures"]),
    (
        "slippers",
        &[
            "slippers-core",
            "slippers-drawing",
            // The demo and the stories have simulators of them.
            "slippers-gateways",
            "slippers-server",
            "slippers-store-postgres",
            "slippers-store-sqlite",
            "slippers-testbed",
        ],
    ),
];

/// Drivers of databases, which only stores may know (and stories, to look behind the scenes, the testbed, that asks for them, and the
/// bench, whose limits are loops over a file). Redis is none: it holds nothing that would be missed.
const DRIVERS: [&str; 4] = ["rusqlite", "libsqlite3-sys", "tokio-postgres", "deadpool-postgres"];

#[test]
fn every_arrow_points_inwards() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        seen.insert(name.to_owned());
        let Some(allowed) = allowed.get(name) else {
            panic!("{name} has no place in the house: add its arrows")
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("a name");
            let is_ours = on == "slippers" || on.starts_with("slippers-");
            assert!(!is_ours || allowed.contains(&on), "{name} must not know {on}");
            let may_drive = name.starts_with("slippers-store-")
                || ["slippers-bench", "slippers-testbed"].contains(&name)
                || dependency["kind"] == "dev";
            assert!(may_drive || !DRIVERS.contains(&on), "{name} must not know the driver {on}");
        }
    }
    assert_eq!(seen.len(), ARROWS.len(), "crates without arrows, or arrows without crates: {seen:?}");
    // The README's first command is `cargo run`, which must not have to choose between programs.
    let default: Vec<_> = metadata["workspace_default_members"].as_array().expect("members").iter().collect();
    let is_the_shop = |id: &&Value| id.as_str().is_some_and(|id| id.contains("/crates/slippers#"));
    assert!(default.len() == 1 && default.iter().all(is_the_shop), "`cargo run` is the shop: {default:?}");
}

#[test]
fn every_path_that_the_map_names_exists() {
    for page in ["ARCHITECTURE.md", "README.md", "docs/adding-an-endpoint.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        let mut checked = 0;
        let quoted = text.split('`').skip(1).step_by(2);
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for word in quoted.chain(linked) {
            let top = ["crates/", "docs/", "script/", "deploy/", "bench/", "fuzz/", ".ci/"];
            if !top.iter().any(|prefix| word.starts_with(prefix)) || word.contains(['<', '{', ' ', '*']) {
                continue;
            }
            checked += 1;
            assert!(root().join(word).exists(), "{page} names {word}, which is not there");
        }
        assert!(checked > 0, "{page} names no path at all");
    }
}

#[test]
fn the_page_of_settings_is_what_the_program_reads() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_slippers")).args(["config", "list"]).output().expect("it runs");
    let table = String::from_utf8(output.stdout).expect("text");
    let path = root().join("docs/settings.md");
    if std::env::var("SLIPPERS_WRITE_DOCS").is_ok() {
        std::fs::write(&path, &table).expect("the page can be written");
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == table, "docs/settings.md is old: run the test with SLIPPERS_WRITE_DOCS=1");
}

#[test]
fn every_crate_of_ours_forbids_unsafe_code() {
    for entry in std::fs::read_dir(root().join("crates")).expect("crates") {
        let source = entry.expect("an entry").path().join("src");
        for file in ["lib.rs", "main.rs"].map(|name| source.join(name)) {
            if let Ok(text) = std::fs::read_to_string(&file) {
                assert!(text.contains("#![forbid(unsafe_code)]"), "{} does not", file.display());
            }
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut rooms = vec![root().join("crates")];
    let mut long = Vec::new();
    while let Some(folder) = rooms.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                rooms.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let lines = std::fs::read_to_string(&path).expect("text").lines().count();
                if lines > LONGEST_FILE {
                    long.push(format!("{} ({lines})", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "files over {LONGEST_FILE} lines, each a room to divide: {long:?}");
}

/// The parts of the list of the old shop's defects that stories hold, and their entries. Part H is about speed, which
/// benchmarks hold.
const DEFECTS: [(char, std::ops::RangeInclusive<u32>); 7] = [
    ('a', 1..=8),
    ('b', 9..=22),
    ('c', 23..=43),
    ('d', 44..=53),
    ('e', 54..=57),
    ('f', 58..=63),
    ('g', 64..=68),
];

#[test]
fn every_defect_of_the_old_shop_has_a_story_with_its_number() {
    let mut told = BTreeSet::new();
    for folder in ["stories", "in_process"] {
        let tests = root().join("crates/slippers/tests").join(folder);
        let entries = std::fs::read_dir(tests).expect("stories").map(|entry| entry.expect("an entry").path());
        // A folder holds measurements, which are no stories.
        for path in entries.filter(|path| path.is_file()) {
            let text = std::fs::read_to_string(path).expect("text");
            for story in text.split("#[test]\nfn ").skip(1) {
                let is_entry = |word: &&str| {
                    word.starts_with(|c: char| ('a'..='g').contains(&c)) && word[1..].parse::<u32>().is_ok()
                };
                told.extend(story.split('_').take_while(is_entry).map(str::to_owned));
            }
        }
    }
    let entries: BTreeSet<String> = DEFECTS
        .into_iter()
        .flat_map(|(part, numbers)| numbers.map(move |number| format!("{part}{number}")))
        .collect();
    let missing: Vec<_> = entries.difference(&told).collect();
    assert!(missing.is_empty(), "entries without a story: {missing:?}");
    let unknown: Vec<_> = told.difference(&entries).collect();
    assert!(unknown.is_empty(), "stories of entries that are not in the list: {unknown:?}");
}

#[test]
fn stories_that_run_on_one_store_alone_exist() {
    let script = std::fs::read_to_string(root().join("script/test")).expect("script/test");
    let (_, rest) = script.split_once("\nONCE=(\n").expect("the list of stories that run once");
    let (list, _) = rest.split_once("\n)\n").expect("its end");
    let names: Vec<&str> = list.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    assert!(!names.is_empty(), "{list}");
    for name in names {
        let (module, beginning) = name.split_once("::").expect("module::beginning");
        let path = root().join(format!("crates/slippers/tests/stories/{module}.rs"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found = format!("#[test]\nfn {beginning}");
        assert!(text.contains(&found), "script/test names {name}, and there is no such story");
    }
}
