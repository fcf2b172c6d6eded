//! The files that are shipped, before the programs that read them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use slippers_testbed::{Nginx, PgBouncer, Prometheus};
use tempfile::TempDir;

use crate::metrics::watched;
use crate::program::run_in;
use crate::shop::{Shop, eventually};

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(file)
}

fn text(file: &str) -> String {
    let path = shipped(file);
    let mut text = String::new();
    std::fs::File::open(&path)
        .and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::File::create(path).expect("a file");
    file.write_all(text.as_bytes()).expect("it can be written");
}

#[track_caller]
fn succeeds(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let Output { status, stdout, stderr } = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(status.success(), "{program} {arguments:?}:\n{said}");
    said
}

/// What `slippers deploy` prints with these settings.
fn printed(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let dir = TempDir::new().expect("a folder");
    let owned: Vec<_> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (code, out, errors) = run_in(dir.path(), &owned, &[&["deploy"], arguments].concat(), "");
    assert_eq!(code, 0, "{errors}");
    out
}

/// Several files that were printed after each other, each under its name.
fn files(printed: &str) -> Vec<(String, String)> {
    let parts = printed.split("# == ").skip(1);
    let file = |part: &str| {
        let (path, text) = part.split_once('\n').expect("a name");
        let name = path.rsplit('/').next().expect("a name").to_owned();
        (name, format!("{}\n", text.trim_end()))
    };
    parts.map(file).collect()
}

#[test]
fn what_is_printed_with_the_usual_settings_is_what_is_shipped() {
    let metrics = [("METRICS_LISTEN", "127.0.0.1:9100")];
    let of = |name: &str, folder: &str| (name.to_owned(), text(&format!("{folder}/{name}")));
    assert_eq!(
        files(&printed(&["systemd"], &metrics)),
        [of("slippers.service", "systemd"), of("slippers.socket", "systemd")]
    );
    assert_eq!(
        files(&printed(&["prometheus"], &metrics)),
        [of("prometheus.yml", "prometheus"), of("slippers.rules.yml", "prometheus")]
    );
    assert_eq!(printed(&["nginx"], &[]), text("nginx/slippers.conf"));
    assert_eq!(printed(&["sysctl"], &[]), text("sysctl/60-slippers.conf"));
    assert_eq!(printed(&["grafana"], &[]), text("grafana/slippers.json"));
    let server = [
        ("DATABASE_URL", "postgresql://slippers:secret@127.0.0.1:6432/slippers"),
        ("DATABASE_DIRECT_URL", "postgresql://slippers:secret@127.0.0.1:5432/slippers"),
    ];
    let pooler = printed(&["pgbouncer"], &server);
    assert_eq!(pooler, text("pgbouncer/pgbouncer.ini"));
    assert!(!pooler.contains("secret"));
}

#[test]
fn other_settings_are_filled_in() {
    let settings = [("SLIPPERS_LISTEN", "0.0.0.0:8123"), ("METRICS_LISTEN", "[::]:9999"), ("BACKLOG", "512")];
    let units = printed(&["systemd", "--program", "/opt/slippers/current/slippers"], &settings);
    for line in [
        "ExecStart=/opt/slippers/current/slippers serve",
        "ListenStream=0.0.0.0:8123",
        "Backlog=512",
        "METRICS_LISTEN=[::]:9999",
    ] {
        assert!(units.contains(line), "{line} in\n{units}");
    }
    assert!(printed(&["nginx"], &settings).contains("server 127.0.0.1:8123;"));
    assert!(printed(&["prometheus"], &settings).contains("[\"[::1]:9999\"]"));
    assert!(printed(&["sysctl"], &settings).contains("net.core.somaxconn = 512"));
    let tls = ["nginx", "--tls-cert", "/etc/c.pem", "--tls-key", "/etc/k.pem", "--nginx-version"];
    let old = printed(&[&tls[..], &["1.22.1"]].concat(), &settings);
    assert!(old.contains("listen 443 ssl http2;") && !old.contains("http2 on"), "{old}");
    let new = printed(&[&tls[..], &["1.25.1"]].concat(), &settings);
    assert!(new.contains("listen 443 ssl;\n    http2 on;"), "{new}");
}

#[test]
fn systemd_takes_the_units_and_finds_them_closed() {
    let dir = TempDir::new().expect("a folder");
    // It looks whether the program is there.
    let units = files(&printed(&["systemd", "--program", env!("CARGO_BIN_EXE_slippers")], &[]));
    for (name, text) in &units {
        write(&dir.path().join(name), text);
    }
    // Without these what computes can't step back there, and nothing tells.
    let steps_back = "SystemCallFilter=setpriority sched_setscheduler\n";
    assert!(units.iter().any(|(name, text)| name == "slippers.service" && text.contains(steps_back)));
    let said =
        succeeds("systemd-analyze", &["verify", "./slippers.service", "./slippers.socket"], dir.path());
    assert!(!said.contains("slippers"), "{said}");
    let score = ["security", "--offline=true", "--threshold=15", "./slippers.service"];
    succeeds("systemd-analyze", &score, dir.path());
}

#[test]
fn promtool_takes_the_rules_and_every_alert_fires_and_does_not() {
    let folder = shipped("prometheus");
    succeeds("promtool", &["check", "config", "prometheus.yml"], &folder);
    succeeds("promtool", &["check", "rules", "slippers.rules.yml"], &folder);
    succeeds("promtool", &["test", "rules", "slippers.test.yml"], &folder);
    let (rules, tests) = (text("prometheus/slippers.rules.yml"), text("prometheus/slippers.test.yml"));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks.md");
    let mut runbooks = String::new();
    std::fs::File::open(page)
        .and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut runbooks))
        .expect("runbooks");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 12, "{alerts:?}");
    for alert in alerts {
        assert!(runbooks.contains(&format!("\n## {alert}\n")), "no runbook: {alert}");
        assert!(rules.contains(&format!("docs/runbooks.md#{}", alert.to_lowercase())), "not linked: {alert}");
        let cases: Vec<&str> =
            tests.split("alertname: ").filter(|case| case.lines().next() == Some(alert)).collect();
        assert!(
            cases.iter().any(|case| case.lines().nth(1).is_some_and(|line| line.ends_with("[]"))),
            "{alert}"
        );
        assert!(
            cases.iter().any(|case| case.lines().nth(1).is_some_and(|line| line.ends_with(':'))),
            "{alert}"
        );
    }
}

#[test]
fn every_query_of_the_dashboard_finds_the_real_shop() {
    let (shop, metrics) = watched();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 3);
    for _ in 0..3 {
        shop.get(&format!("/slippers/{slipper}")).expect(200);
    }
    let prometheus = Prometheus::start(|_| {
        let scrape = text("prometheus/prometheus.yml").replace("127.0.0.1:9100", &metrics.to_string());
        let rules = shipped("prometheus/slippers.rules.yml");
        // Faster than in a shop: a rate needs two scrapes.
        let scrape = scrape.replace("15s", "1s");
        scrape.replace("- slippers.rules.yml", &format!("- {}", rules.display()))
    })
    .expect("Prometheus");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let ask = |query: &str| -> Value {
        let url = format!("{}/api/v1/query", prometheus.url());
        let mut answer = agent.get(url).query("query", query).call().expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let found = |query: &str| {
        let answer = ask(query);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        !answer["data"]["result"].as_array().expect("a result").is_empty()
    };
    eventually("two scrapes", || found("rate(slippers_http_requests_total[1m])").then_some(()));
    let dashboard: Value = serde_json::from_str(&text("grafana/slippers.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut asked = 0;
    for target in targets {
        let query = target["expr"].as_str().expect("a query");
        // This shop has no replicas to tell of; the query must be one all the same.
        if query.contains("slippers_replica_") {
            assert_eq!(ask(query)["status"], "success", "{query}");
        } else {
            eventually(query, || found(query).then_some(()));
        }
        asked += 1;
    }
    assert!(asked >= 40, "{asked}");
    assert!(!found("ALERTS{alertstate=\"firing\"}"), "a new shop alarms nobody");
}

/// nginx with the shipped configuration before this shop.
fn nginx(shop: &Shop) -> Nginx {
    let address = shop.address().to_string();
    Nginx::start(|port, folder| {
        text("nginx/slippers.conf")
            .replace("127.0.0.1:8000", &address)
            .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
            .replace("/var/cache/nginx/slippers", &folder.join("cache").display().to_string())
    })
    .expect("nginx")
}

fn through(port: u16, path: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(format!("http://127.0.0.1:{port}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.call().expect("an answer");
    let body = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), answer.headers().clone(), body)
}

#[test]
fn nginx_passes_on_slashes_headers_and_the_clients_true_address() {
    let shop = Shop::open_with(&[
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("RATE_LIMIT_REQUESTS", "100"),
        // None comes back meanwhile.
        ("RATE_LIMIT_WINDOW_SEC", "86400"),
    ]);
    let nginx = nginx(&shop);
    let (status, headers, _) = through(nginx.port(), "/slippers/", &[]);
    assert_eq!(status, 200);
    assert_eq!(headers["x-content-type-options"], "nosniff", "{headers:?}");
    for path in ["//slippers/", "/slippers//", "//"] {
        assert_eq!(through(nginx.port(), path, &[]).0, 404, "{path}");
    }
    // Whoever claims another address is counted under his own.
    let left = |claimed: &str| {
        let (_, headers, _) = through(nginx.port(), "/categories/", &[("x-forwarded-for", claimed)]);
        headers["x-ratelimit-remaining"].to_str().expect("text").parse::<u32>().expect("a number")
    };
    let (first, second) = (left("203.0.113.7"), left("203.0.113.8"));
    assert!(second < first, "{first} then {second}: one client");
}

#[test]
fn nginx_keeps_pages_only_as_long_as_it_is_told_and_never_those_of_who_is_signed_in() {
    let shop = Shop::open_with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("CACHE_S_MAXAGE_SEC", "600")]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 3);
    let nginx = nginx(&shop);
    let path = format!("/slippers/{slipper}");
    let (_, _, before) = through(nginx.port(), &path, &[]);
    shop.call(&admin, "PUT", &path, &json!({"price": 30})).expect(200);
    let (_, _, kept) = through(nginx.port(), &path, &[]);
    assert_eq!(kept, before, "ten minutes are not over");
    let bearer = format!("Bearer {}", admin.access);
    let (_, _, fresh) = through(nginx.port(), &path, &[("authorization", &bearer)]);
    assert_ne!(fresh, before);
}

#[test]
fn nginx_finds_the_configuration_good() {
    let dir = TempDir::new().expect("a folder");
    let server = text("nginx/slippers.conf").replace("/var/cache/nginx", &dir.path().display().to_string());
    let main =
        format!("pid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{server}\n}}\n");
    write(&dir.path().join("nginx.conf"), &main);
    let prefix = dir.path().display().to_string();
    let path = std::env::join_paths([Path::new("/usr/sbin"), Path::new("/usr/bin"), Path::new("/bin")]);
    let output = Command::new("nginx")
        .env("PATH", path.expect("a path"))
        .args(["-t", "-q", "-e", "stderr", "-p", &prefix, "-c", "nginx.conf"])
        .stdin(Stdio::null())
        .output()
        .expect("nginx runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("warn"), "{said}");
}

#[test]
fn the_shop_sells_through_pgbouncer_as_it_is_shipped() {
    let cluster = slippers_testbed::postgres::shared().expect("PostgreSQL");
    let database = cluster.database().expect("an empty database");
    let ini = text("pgbouncer/pgbouncer.ini");
    let (databases, section) = ini.split_once("[pgbouncer]").expect("a section");
    let (_, limits) = databases.split_once("dbname=slippers ").expect("the database's line");
    let lines = section.lines().filter(|line| !line.starts_with(';')).filter_map(|line| line.split_once('='));
    // Where it listens and whom it lets in is the test's; how it shares connections is what is shipped.
    let ours = ["listen_addr", "listen_port", "auth_type", "auth_file"];
    let shipped =
        lines.map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| !ours.contains(name));
    let builder = shipped.fold(PgBouncer::to(cluster), |builder, (name, value)| builder.setting(name, value));
    let pooler = builder.databases(limits.trim()).start().expect("PgBouncer takes the file");
    let url = cluster.url_through(pooler.port(), database.name());
    let direct = database.url();
    let shop = Shop::on_a_file(
        TempDir::new().expect("a folder"),
        &[
            ("DATABASE_URL", &url),
            ("DATABASE_DIRECT_URL", &direct),
            ("DATABASE_PREPARED_STATEMENTS", "false"),
            ("DATABASE_POOL_SIZE", "50"),
            ("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else"),
        ],
        &[],
    );
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 3);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 2);
    shop.call(&buyer, "POST", "/orders/from-cart", &json!(null)).expect(200);
    assert_eq!(shop.stock(slipper), 1);
    let shown = cluster.query_through(pooler.port(), database.name(), "SHOW statement_timeout");
    assert_eq!(shown.expect("an answer").trim(), "20s");
}
