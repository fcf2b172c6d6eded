//! What the doctor finds: each of its checks is seen well and ill.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{command, run_in};
use crate::shop::Shop;

/// The findings, by their id, and the exit code.
pub(crate) struct Report {
    code: i32,
    findings: Vec<Value>,
}

impl Report {
    pub(crate) fn of(output: &str, code: i32) -> Self {
        let findings: Value =
            serde_json::from_str(output).unwrap_or_else(|error| panic!("{error}: {output}"));
        Self { code, findings: findings.as_array().expect("findings").clone() }
    }

    pub(crate) fn state(&self, id: &str) -> &str {
        let found = self.findings.iter().find(|finding| finding["id"] == id);
        let found = found.unwrap_or_else(|| panic!("{id} was not looked at"));
        let state = found["state"].as_str().expect("a state");
        let has_fix = !found["fix"].as_str().expect("a text").is_empty();
        assert_eq!(has_fix, ["warn", "fail"].contains(&state), "{found}");
        state
    }
}

fn examine(shop: &Shop, settings: &[(&str, &str)]) -> Report {
    let address = shop.address().to_string();
    let settings = [&[("SLIPPERS_LISTEN", address.as_str()), ("BACKLOG", "64")], settings].concat();
    let owned: Vec<_> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (code, out, errors) = run_in(shop.data_dir(), &owned, &["doctor", "--json"], "");
    assert_eq!(errors, "");
    Report::of(&out, code)
}

fn on_a_file() -> Shop {
    Shop::on_a_file(TempDir::new().expect("a folder"), &[], &[])
}

#[test]
fn a_shop_in_good_health_is_found_so_in_time() {
    let shop = on_a_file();
    let elsewhere = TempDir::new().expect("a folder");
    let backup = elsewhere.path().join("backup").display().to_string();
    assert_eq!(shop.run(&["backup", &backup], "").0, 0);
    let start = Instant::now();
    let report = examine(&shop, &[]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let ids = [
        "config.trusted_proxies",
        "config.secret_key",
        "database.schema",
        "sqlite.integrity",
        "backup.age",
        "host.backlog",
        "shop.answers",
    ];
    for id in ids {
        assert_eq!(report.state(id), "ok", "{id}: {:?}", report.findings);
    }
}

#[test]
fn each_ill_is_told_with_its_fix() {
    let shop = on_a_file();
    let report = examine(&shop, &[("TRUSTED_PROXIES", "0.0.0.0/0"), ("BACKLOG", "65535")]);
    assert_eq!(report.state("config.trusted_proxies"), "fail");
    assert_eq!(report.state("host.backlog"), "warn");
    assert_eq!(report.state("backup.age"), "warn", "none was made");
    assert_eq!(report.code, 2);
    let key = shop.data_dir().join("secret_key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("rights");
    assert_eq!(examine(&shop, &[]).state("config.secret_key"), "fail");
}

#[test]
fn an_old_backup_is_as_good_as_none() {
    let shop = on_a_file();
    let elsewhere = TempDir::new().expect("a folder");
    let backup = elsewhere.path().join("backup").display().to_string();
    assert_eq!(shop.run(&["backup", &backup], "").0, 0);
    assert_eq!(examine(&shop, &[]).state("backup.age"), "ok");
    let marker =
        std::fs::File::options().write(true).open(shop.data_dir().join(".last_backup")).expect("a marker");
    #[expect(clippy::disallowed_methods, reason = "files have the machine's time")]
    let long_ago = SystemTime::now() - Duration::from_secs(8 * 86_400);
    marker.set_modified(long_ago).expect("a time");
    assert_eq!(examine(&shop, &[]).state("backup.age"), "warn");
}

#[test]
fn a_shop_that_is_closed_or_damaged_or_was_never_made_is_told() {
    let mut shop = on_a_file();
    assert_eq!(shop.terminate(), Some(0));
    assert_eq!(examine(&shop, &[]).state("shop.answers"), "fail");
    let file = shop.data_dir().join("shop.db");
    let length = std::fs::metadata(&file).expect("a file").len();
    let mut damaged = std::fs::File::options().write(true).open(&file).expect("a file");
    std::io::Seek::seek(&mut damaged, std::io::SeekFrom::Start(length / 2)).expect("the middle");
    damaged.write_all(&[0xff; 8192]).expect("damage");
    let report = examine(&shop, &[]);
    assert_eq!(report.state("sqlite.integrity"), "fail", "{:?}", report.findings);
    std::fs::remove_file(&file).expect("gone");
    let report = examine(&shop, &[]);
    assert_eq!((report.state("database.schema"), report.state("sqlite.integrity")), ("fail", "skipped"));
    assert!(!file.exists(), "it was not made");
}

#[test]
fn too_few_descriptors_are_told() {
    let dir = TempDir::new().expect("a folder");
    let program = command(dir.path(), &[]);
    let with = |limit: &str| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" doctor --json")])
            .arg(program.get_program());
        let output = shell.env_clear().current_dir(dir.path()).output().expect("sh runs");
        Report::of(&String::from_utf8_lossy(&output.stdout), output.status.code().expect("a code"))
            .state("host.descriptors")
            .to_owned()
    };
    assert_eq!(with("256"), "warn");
    assert_eq!(with("$(ulimit -Hn)"), "ok");
}
