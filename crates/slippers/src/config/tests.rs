use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;

use super::secret::KeyPlan;
use super::*;

const GOOD_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A working directory with these files, and an environment of these variables.
pub(super) fn world(files: &[(&str, &str)], environment: &[(&str, &str)]) -> (TempDir, World) {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        crate::files::put(&dir.path().join(name), text.as_bytes()).expect("a file");
    }
    let mut environment: Vec<(OsString, OsString)> =
        environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    if !environment.iter().any(|(name, _)| name == "SLIPPERS_DATA_DIR") {
        environment.push(("SLIPPERS_DATA_DIR".into(), dir.path().join("data").into()));
    }
    let world = World { environment, working_dir: dir.path().to_path_buf(), ..World::default() };
    (dir, world)
}

pub(super) fn load(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let (_dir, mut world) = world(files, environment);
    world.flags.config = files.iter().find(|(name, _)| name.ends_with(".toml")).map(|(name, _)| name.into());
    Config::load(&world, true)
}

pub(super) fn faults(files: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    load(files, environment).expect_err("faults").to_string()
}

#[test]
fn without_a_word_the_defaults_hold() {
    let config = load(&[], &[]).expect("good settings");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert!(config.database.to_string().ends_with("data/shop.db"));
    assert!(matches!(config.key, KeyPlan::Kept(ref path) if path.ends_with("data/secret_key")));
    assert!(config.workers >= 1);
    assert_eq!(config.backlog, 4096);
    let key = SecretKey::new(GOOD_KEY).expect("a key");
    let settings = config.server_settings(key);
    assert_eq!(settings.sessions.access_minutes, 15);
    assert_eq!(settings.sessions.cap_seconds, Some(8 * 3600));
    assert_eq!(settings.rate.requests, 100);
    assert_eq!(settings.rate.window.as_secs(), 60);
    assert_eq!(settings.orders.max_quantity_per_line, 500);
    assert_eq!(settings.cors.origins.len(), 6);
    let pattern = settings.cors.origin_pattern.expect("a pattern");
    assert!(pattern.is_match("https://www.optomoyoqkiyim.uz"));
    assert!(!pattern.is_match("https://optomoyoqkiyim.uz.evil.com"));
    assert!(settings.trusted_proxies.is_empty());
}

#[test]
fn each_source_beats_the_one_before() {
    let file = ("shop.toml", "order_max_open = 1\nBACKLOG = 1\nWORKERS = 1\nSLIPPERS_LISTEN = '127.0.0.1:1'");
    let dotenv = (".env", "BACKLOG=2\nWORKERS=2\nSLIPPERS_LISTEN=127.0.0.1:2");
    let (_dir, mut world) = world(&[file, dotenv], &[("workers", "3"), ("SLIPPERS_LISTEN", "127.0.0.1:3")]);
    world.flags.config = Some("shop.toml".into());
    world.flags.listen = Some("127.0.0.1:4".into());
    let config = Config::load(&world, true).expect("good settings");
    assert_eq!(config.server.orders.max_open, 1);
    assert_eq!(config.backlog, 2);
    assert_eq!(config.workers, 3);
    assert_eq!(config.listen.port(), 4);
    let from = |name: &str| config.shown.iter().find(|s| s.name == name).map(|s| s.from.to_string());
    assert_eq!(from("ORDER_MAX_OPEN").as_deref(), Some("file shop.toml"));
    assert_eq!(from("BACKLOG").as_deref(), Some(".env"));
    assert_eq!(from("WORKERS").as_deref(), Some("environment"));
    assert_eq!(from("SLIPPERS_LISTEN").as_deref(), Some("flag --listen"));
    assert_eq!(from("DEBUG").as_deref(), Some("default"));
}

#[test]
fn the_old_names_of_the_address_work_until_the_new_one_is_set() {
    let old = [("APP_HOST", "0.0.0.0"), ("APP_PORT", "9000")];
    assert_eq!(load(&[], &old).expect("good").listen.to_string(), "0.0.0.0:9000");
    assert_eq!(load(&[], &old[1..]).expect("good").listen.to_string(), "127.0.0.1:9000");
    let both = [old[0], old[1], ("SLIPPERS_LISTEN", "localhost:7000")];
    assert_eq!(load(&[], &both).expect("good").listen.to_string(), "127.0.0.1:7000");
}

#[test]
fn all_faults_are_told_together_each_with_its_fix() {
    let text = faults(
        &[(
            "shop.toml",
            "RATE_LIMIT_WINDOW_SEC = 0\nRATE_LIMT_REQUESTS = 5\nDEBUG = 'perhaps'\nWORKERS = 1.5",
        )],
        &[
            ("SLIPPERS_LISTEN", "8000"),
            ("DATABASE_URL", "postgresql+asyncpg://user:hunter2@localhost"),
            ("SECRET_KEY", "supersecretkey"),
            ("ALGORITHM", "none"),
            ("TRUST_PROXY", "true"),
            ("ALLOWED_ORIGIN_REGEX", "("),
            ("ALLOWED_ORIGINS", "https://good.uz,*"),
            ("SLIPPERS_LOG_FORMAT", "xml"),
            ("ORDER_MAX_QTY_PER_ITEM", "99999999999999999999"),
        ],
    );
    for part in [
        "RATE_LIMIT_WINDOW_SEC (from file shop.toml): \"0\" is not a whole number from 1 to 86400. Fix:",
        "RATE_LIMT_REQUESTS (from file shop.toml): there is no such setting. Fix: did you mean RATE_LIMIT_REQUESTS?",
        "DEBUG (from file shop.toml): \"perhaps\" is neither",
        "WORKERS (from file shop.toml): is a fraction",
        "SLIPPERS_LISTEN (from environment): \"8000\" is not an address with a port",
        "DATABASE_URL (from environment): is not the whole address of a PostgreSQL server",
        "SECRET_KEY (from environment): is a known default",
        "ALGORITHM (from environment)",
        "TRUST_PROXY (from environment): is true without TRUSTED_PROXIES",
        "ALLOWED_ORIGIN_REGEX (from environment)",
        "ALLOWED_ORIGINS (from environment): \"*\" is not an origin",
        "SLIPPERS_LOG_FORMAT (from environment): \"xml\"",
        "ORDER_MAX_QTY_PER_ITEM (from environment)",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert_eq!(text.lines().filter(|line| line.contains("Fix: ")).count(), 13, "{text}");
    assert!(!text.contains("hunter2") && !text.contains("supersecretkey"), "{text}");
}

#[test]
fn names_of_later_versions_are_accepted_and_told_of() {
    let config = load(&[("shop.toml", "COOKIE_DOMAIN = 'hunter2'")], &[("APP_WORKERS", "4")]);
    let config = config.expect("good settings");
    let names: Vec<&str> = config.not_yet.keys().map(String::as_str).collect();
    assert_eq!(names, ["APP_WORKERS", "COOKIE_DOMAIN"]);
    let text = report::check(&config);
    assert!(text.contains("COOKIE_DOMAIN (from file shop.toml) is not used by this version."), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn secrets_show_nowhere() {
    let config = load(&[], &[("SECRET_KEY", GOOD_KEY)]).expect("good settings");
    let key = SecretKey::new(GOOD_KEY).expect("a key");
    let shown = format!("{config:?} {:?} {}", config.server_settings(key), report::check(&config));
    assert!(!shown.contains(GOOD_KEY), "{shown}");
    assert!(shown.contains("[redacted]"), "{shown}");
}

#[test]
fn a_proxy_is_trusted_when_named_and_not_switched_off() {
    let count = |environment: &[(&str, &str)]| {
        load(&[], environment)
            .map(|config| config.server.trusted_proxies.len())
            .map_err(|faults| faults.0.len())
    };
    assert_eq!(count(&[("TRUSTED_PROXIES", "10.0.0.0/8, ::1")]), Ok(2));
    assert_eq!(count(&[("TRUSTED_PROXIES", "10.0.0.1"), ("TRUST_PROXY", "yes")]), Ok(1));
    assert_eq!(count(&[("TRUSTED_PROXIES", "10.0.0.1"), ("TRUST_PROXY", "0")]), Ok(0));
    assert_eq!(count(&[("TRUSTED_PROXIES", "10.0.0.0/40,proxy")]), Err(2));
}

#[test]
fn sessions_are_capped_by_hours_then_days() {
    let cap = |hours: &str, days: &str| {
        let config = load(&[], &[("SESSION_MAX_HOURS", hours), ("SESSION_MAX_DAYS", days)]);
        config.expect("good settings").server.cap_seconds
    };
    assert_eq!(cap("2", "5"), Some(7200));
    assert_eq!(cap("0", "5"), Some(5 * 86_400));
    assert_eq!(cap("0", "0"), None);
}

#[test]
fn an_empty_value_is_none_given_but_an_empty_list_is_a_list() {
    let empty = [("WORKERS", ""), ("SECRET_KEY", " "), ("ALLOWED_ORIGINS", ""), ("ALLOWED_ORIGIN_REGEX", "")];
    let config = load(&[], &empty).expect("good settings");
    assert!(matches!(config.key, KeyPlan::Kept(_)));
    assert!(config.server.cors.origins.is_empty() && config.server.cors.origin_pattern.is_none());
}

#[test]
fn a_data_folder_that_is_a_file_is_a_fault() {
    let (dir, mut world) = world(&[("data", "")], &[]);
    world.flags.data_dir = Some(dir.path().join("data"));
    let text = Config::load(&world, true).expect_err("a fault").to_string();
    assert!(
        text.contains("SLIPPERS_DATA_DIR (from flag --data-dir)") && text.contains("is a file"),
        "{text}"
    );
}

mod keys {
    use slippers_server::{Entropy, SystemEntropy};

    use super::*;

    struct NoEntropy;

    impl Entropy for NoEntropy {
        fn fill(&self, _: &mut [u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("dry"))
        }
    }

    #[test]
    fn a_key_is_made_once_and_then_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secret_key");
        let plan = KeyPlan::Kept(path.clone());
        assert!(plan.find().expect("no fault").is_none());
        let made = plan.find_or_make(&SystemEntropy).expect("a key");
        assert_eq!(made.as_bytes().len(), 96);
        let found = plan.find_or_make(&NoEntropy).expect("the same key");
        assert_eq!(made.as_bytes(), found.as_bytes());
        assert_eq!(crate::files::rights_of_others(&path).expect("a file"), 0);
        assert_eq!(
            std::fs::read_dir(dir.path()).expect("a folder").count(),
            1,
            "nothing else is left behind"
        );
        let again = crate::files::create_private(&path, b"other").expect("no fault");
        assert!(!again && plan.find().expect("a key").is_some_and(|key| key.as_bytes() == made.as_bytes()));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, world) = world(&[], &[]);
        let path = dir.path().join("data/secret_key");
        std::fs::create_dir(dir.path().join("data")).expect("a folder");
        crate::files::put(&path, GOOD_KEY.as_bytes()).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("rights");
        let text = Config::load(&world, true).expect_err("a fault").to_string();
        assert!(text.contains("(mode 644)") && text.contains("chmod 600"), "{text}");
        assert!(Config::load(&world, false).is_ok(), "who signs nothing needs no key");
    }

    #[test]
    fn a_mounted_key_is_read_without_its_newline() {
        let (dir, mut world) = world(&[("mounted", &format!("{GOOD_KEY}\n"))], &[]);
        let path = dir.path().join("mounted");
        world.environment.push(("SECRET_KEY_FILE".into(), path.as_os_str().to_owned()));
        let config = Config::load(&world, true).expect("good settings");
        let key = config.key.find().expect("no fault").expect("a key");
        assert_eq!(key.as_bytes(), GOOD_KEY.as_bytes());

        world.environment.push(("SECRET_KEY".into(), GOOD_KEY.into()));
        let text = Config::load(&world, true).expect_err("a fault").to_string();
        assert!(
            text.contains("SECRET_KEY_FILE (from environment): is given together with SECRET_KEY"),
            "{text}"
        );
    }

    #[test]
    fn a_short_key_in_a_file_is_a_fault() {
        let (dir, mut world) = world(&[("mounted", "short")], &[]);
        world.environment.push(("SECRET_KEY_FILE".into(), Path::new(dir.path()).join("mounted").into()));
        let text = Config::load(&world, true).expect_err("a fault").to_string();
        assert!(text.contains("is shorter than 32 bytes"), "{text}");
    }
}

#[test]
fn postgresql_needs_a_key_that_all_instances_share_and_shows_no_password() {
    let url = ("DATABASE_URL", "postgresql+asyncpg://shop:hunter2@db:5433/slippers");
    let text = faults(&[], &[url]);
    assert!(text.contains("SECRET_KEY (from default): is not set, and on PostgreSQL"), "{text}");
    let key = ("SECRET_KEY", "k3y-of-at-least-thirty-two-random-bytes");
    let direct = ("DATABASE_DIRECT_URL", "postgres://shop:hunter2@db:5432/slippers");
    let config = load(&[], &[url, key, direct]).expect("good settings");
    let Database::Postgres(server) = &config.database else { panic!("{:?}", config.database) };
    assert!(server.direct_url.is_some());
    let shown = format!("{config:?}{}", report::check(&config));
    assert!(shown.contains("postgresql://shop@db:5433/slippers") && !shown.contains("hunter2"), "{shown}");
    let text = faults(&[], &[url, key, ("DATABASE_DIRECT_URL", "sqlite:x"), ("DATABASE_POOL_SIZE", "0")]);
    assert!(text.contains("DATABASE_DIRECT_URL") && text.contains("DATABASE_POOL_SIZE"), "{text}");
}

#[test]
fn a_preset_is_a_budget_for_the_whole_shop_and_numbers_beat_it() {
    let url = ("DATABASE_URL", "postgresql://shop@db/slippers");
    let key = ("SECRET_KEY", "k3y-of-at-least-thirty-two-random-bytes");
    let preset = |traffic| ("SLIPPERS_TRAFFIC", traffic);
    let (size, overflow) = (("DATABASE_POOL_SIZE", "7"), ("DATABASE_MAX_OVERFLOW", "5"));
    let cases: [(&[(&str, &str)], _, _); 7] = [
        (&[], (None, 0, true), "four connections for each core, 8 to 32, as far as the server has them"),
        (
            &[preset("low")],
            (Some(20), 30, true),
            "20 + 30 = 50 connections at most, as far as the server has them",
        ),
        (&[preset("moderate")], (Some(50), 100, true), "50 + 100 = 150 "),
        (&[preset("high")], (Some(100), 200, true), "100 + 200 = 300 "),
        (&[preset("high"), size], (Some(7), 0, false), "7 + 0 = 7 connections at most.\n"),
        (&[preset("high"), size, overflow], (Some(7), 5, false), "7 + 5 = 12 connections at most.\n"),
        (&[preset("high"), overflow], (Some(100), 5, true), "100 + 5 = 105 "),
    ];
    for (given, expected, told) in cases {
        let config = load(&[], &[&[url, key], given].concat()).expect("good settings");
        let Database::Postgres(server) = &config.database else { panic!("{:?}", config.database) };
        assert_eq!((server.pool_size, server.max_overflow, server.fits_server), expected, "{given:?}");
        let shown = report::check(&config);
        assert!(shown.contains(&format!("Takes of PostgreSQL: {told}")), "{shown}");
    }
    let text = faults(&[], &[url, key, preset("huge")]);
    assert!(text.contains("SLIPPERS_TRAFFIC") && text.contains("none of low, moderate and high"), "{text}");
}

#[test]
fn gateways_need_their_settings_whole_and_well_formed() {
    let config = load(&[], &[("OCTO_SHOP_ID", "27"), ("OCTO_SECRET", "hunter2"), ("PAYME_KEY", "hunter3")]);
    let text = report::check(&config.expect("good settings"));
    assert!(text.contains("Takes no payments by OCTO: it lacks OCTO_NOTIFY_URL."), "{text}");
    assert!(text.contains("Takes no payments by Payme: it lacks PAYME_MERCHANT_ID."), "{text}");
    assert!(text.contains("by Click: it lacks CLICK_SERVICE_ID, CLICK_MERCHANT_ID, CLICK_MERCHANT_USER_ID, CLICK_SECRET_KEY."), "{text}");
    assert!(!text.contains("hunter"), "{text}");
    let all = [
        ("OCTO_SHOP_ID", "27"),
        ("OCTO_SECRET", "hunter2"),
        ("OCTO_NOTIFY_URL", "https://shop.example/payments/octo/notify"),
        ("OCTO_USD_UZS_RATE", "12650.5"),
        ("OCTO_EXTRA_PARAMS", "{\"ttl\": 15}"),
        ("OCTO_AUTO_CAPTURE", "no"),
    ];
    let config = load(&[], &all).expect("good settings");
    assert!(report::check(&config).contains("Takes payments by OCTO."));
    let slippers_server::settings::Configured::Ready(octo) = &config.payments.octo else {
        panic!("it is whole")
    };
    assert_eq!(
        (octo.auto_capture, octo.usd_rate.map(slippers_core::types::Money::minor)),
        (false, Some(1_265_050))
    );
    assert_eq!(octo.extra.get("ttl").and_then(serde_json::Value::as_i64), Some(15));
    for (name, value) in [
        ("OCTO_API_BASE", "secure.octo.uz"),
        ("OCTO_NOTIFY_URL", "ftp://shop.example"),
        ("OCTO_LANGUAGE", "de"),
        ("OCTO_CURRENCY", "USD"),
        ("OCTO_USD_UZS_RATE", "much"),
        ("OCTO_USD_UZS_RATE", "0"),
        ("OCTO_EXTRA_PARAMS", "[1]"),
        ("OCTO_TEST", "perhaps"),
        ("PAYME_CHECKOUT_URL", "https://"),
        ("PAYME_ALLOWED_IPS", "185.234.113.1-15"),
        ("OCTO_API_BASE", "http://secure.octo.uz"),
        ("OCTO_API_BASE", "http://localhost@secure.octo.uz:80/x"),
        ("CLICK_API_BASE", "http://192.168.0.7:8080/v2/merchant"),
        ("CLICK_PAY_URL", "https://a b"),
    ] {
        let text = faults(&[], &[(name, value)]);
        assert!(text.contains(name), "{name}={value}: {text}");
    }
}

#[test]
fn payme_is_heard_from_its_own_addresses_and_secrets_go_to_this_machine_or_through_tls() {
    let desk = [("PAYME_MERCHANT_ID", "587f72c72cac0d162c722ae2"), ("PAYME_KEY", "hunter3")];
    let with = |more: &[(&str, &str)]| load(&[], &[&desk[..], more].concat()).expect("good settings");
    let hears = |config: &Config, from: &str| {
        let from = from.parse().expect("an address");
        config.payments.payme_sources.iter().any(|network| network.contains(from))
    };
    let usual = with(&[]);
    for (from, is_theirs) in [
        ("185.234.113.1", true),
        ("185.234.113.15", true),
        ("185.234.113.16", false),
        ("10.0.0.1", false),
        // A proxy here that is not trusted tells nothing of who calls; refusing would lose what Payme's buyers paid.
        ("127.0.0.1", true),
        ("::1", true),
    ] {
        assert_eq!(hears(&usual, from), is_theirs, "{from}");
    }
    let warning = "behind a proxy that needs TRUSTED_PROXIES";
    assert!(report::check(&usual).contains(warning));
    assert!(!report::check(&with(&[("TRUSTED_PROXIES", "10.0.0.1")])).contains(warning));
    assert!(with(&[("PAYME_ALLOWED_IPS", "any")]).payments.payme_sources.is_empty());
    for here in ["http://127.0.0.1:7", "http://[::1]:7/x", "http://localhost", "https://secure.octo.uz"] {
        assert!(load(&[], &[("OCTO_API_BASE", here), ("CLICK_API_BASE", here)]).is_ok(), "{here}");
    }
}
