//! What the doctor finds of the servers around a shop: PostgreSQL, PgBouncer, Redis, a proxy; of the certificate; and what
//! `tune` measures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use slippers_testbed::postgres::Postgres;
use slippers_testbed::{Nginx, PgBouncer, Redis};
use tempfile::TempDir;

use crate::doctor::Report;
use crate::program::{command, run_in};
use crate::shop::{Shop, eventually};

const KEY: &str = "a-key-of-stories-that-is-not-used-anywhere-else";

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn examine(dir: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Report {
    let (code, out, errors) = run_in(dir, &owned(settings), &[&["doctor", "--json"], arguments].concat(), "");
    assert_eq!(errors, "");
    Report::of(&out, code)
}

#[test]
fn a_server_its_pooler_and_its_replicas_are_looked_at() {
    let cluster = Postgres::builder().fsync(true).start().expect("PostgreSQL");
    cluster.query("postgres", "CREATE DATABASE shop TEMPLATE template0 ENCODING 'UTF8'").expect("a database");
    let dir = TempDir::new().expect("a folder");
    let url = cluster.url_of("shop");
    let settings = [("SECRET_KEY", KEY), ("DATABASE_URL", url.as_str())];
    assert_eq!(run_in(dir.path(), &owned(&settings), &["migrate", "up"], "").0, 0);
    let look = |more: &[(&str, &str)]| examine(dir.path(), &[&settings[..], more].concat(), &[]);
    let well = look(&[]);
    for id in
        ["connections", "locks", "indexes", "scans", "dead_rows", "durability", "numbers", "clock", "slots"]
    {
        assert_eq!(well.state(&format!("postgres.{id}")), "ok", "{id}");
    }
    for id in ["postgres.replicas", "pgbouncer.settings", "pgbouncer.queue", "redis.answers", "redis.memory"]
    {
        assert_eq!(well.state(id), "skipped", "{id}");
    }
    let run = |sql: &str| drop(cluster.query("shop", sql).expect(sql));
    run("DROP INDEX orders_by_user");
    run("ALTER DATABASE shop SET synchronous_commit = off");
    run("SELECT setval('orders_id_seq', 9223372036854775807 / 10 * 8)");
    run("SELECT pg_create_physical_replication_slot('forgotten', true)");
    let ill = look(&[("DATABASE_REPLICA_URLS", "postgresql://nobody@127.0.0.1:1/shop")]);
    assert_eq!(ill.state("postgres.indexes"), "fail");
    assert_eq!(ill.state("postgres.durability"), "warn");
    assert_eq!(ill.state("postgres.numbers"), "warn");
    assert_eq!(ill.state("postgres.replicas"), "warn");
    assert_eq!(ill.state("postgres.slots"), "ok", "it keeps little yet");
    // A primary in a replica's place.
    assert_eq!(look(&[("DATABASE_REPLICA_URLS", &url)]).state("postgres.replicas"), "warn");

    let pooler = PgBouncer::to(&cluster).setting("query_wait_timeout", 20).start().expect("PgBouncer");
    let through = cluster.url_through(pooler.port(), "shop");
    let pooled = |more: &[(&str, &str)]| {
        let direct = [("DATABASE_URL", through.as_str()), ("DATABASE_DIRECT_URL", url.as_str())];
        look(&[&direct[..], more].concat())
    };
    assert_eq!(pooled(&[]).state("pgbouncer.settings"), "fail", "statements by name");
    let unnamed = ("DATABASE_PREPARED_STATEMENTS", "false");
    let fitting = pooled(&[unnamed]);
    assert_eq!([fitting.state("pgbouncer.settings"), fitting.state("pgbouncer.queue")], ["ok", "ok"]);
    assert_eq!(pooled(&[unnamed, ("DATABASE_POOL_TIMEOUT", "30")]).state("pgbouncer.settings"), "warn");

    let (code, said, errors) = run_in(dir.path(), &owned(&settings), &["tune"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    for words in ["commits", "DATABASE_POOL_SIZE=", "CACHE_MAX_BYTES=", "up to 4800 connections"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    drop(cluster);
    let gone = look(&[]);
    assert_eq!([gone.state("postgres.connections"), gone.state("postgres.locks")], ["fail", "skipped"]);
}

#[test]
fn a_redis_without_bounds_or_none_at_all_is_told() {
    let dir = TempDir::new().expect("a folder");
    let redis = Redis::start(&[]).expect("Redis");
    let url = redis.url();
    let look = || examine(dir.path(), &[("REDIS_URL", &url)], &[]);
    assert_eq!([look().state("redis.answers"), look().state("redis.memory")], ["ok", "warn"]);
    redis.ask("CONFIG SET maxmemory 64mb").expect("set");
    redis.ask("CONFIG SET maxmemory-policy allkeys-lru").expect("set");
    assert_eq!(look().state("redis.memory"), "ok");
    drop(redis);
    assert_eq!([look().state("redis.answers"), look().state("redis.memory")], ["warn", "skipped"]);
}

#[test]
fn a_redis_behind_tls_is_looked_at_when_its_certificate_is_trusted() {
    let dir = TempDir::new().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let redis = Redis::start_encrypted(&made.cert.pem(), &made.signing_key.serialize_pem());
    let redis = redis.expect("Redis with TLS");
    let url = redis.encrypted_url("127.0.0.1").expect("it speaks TLS");
    let trusted = dir.path().join("authority.pem").display().to_string();
    std::fs::File::create(&trusted)
        .and_then(|mut file| file.write_all(made.cert.pem().as_bytes()))
        .expect("a file");
    let look = |more: &[(&str, &str)]| {
        let settings = [&[("REDIS_URL", &*url)], more].concat();
        examine(dir.path(), &settings, &[]).state("redis.answers").to_owned()
    };
    assert_eq!(look(&[("SSL_CERT_FILE", &trusted)]), "ok");
    assert_eq!(look(&[]), "warn", "nobody vouches for it");
}

#[test]
fn a_proxy_that_merges_slashes_is_told() {
    let shop = Shop::open();
    // nginx passes a path on as it came unless it is told to write one.
    let proxy = |end: &str| {
        Nginx::start(|port, _| {
            format!(
                "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{}{end}; }} }}",
                shop.address()
            )
        })
        .expect("nginx")
    };
    let look = |proxy: &Nginx| {
        let url = format!("http://127.0.0.1:{}/", proxy.port());
        examine(shop.data_dir(), &[], &["--url", &url]).state("proxy.slashes").to_owned()
    };
    assert_eq!(look(&proxy("")), "ok");
    assert_eq!(look(&proxy("/")), "fail");
    assert_eq!(examine(shop.data_dir(), &[], &[]).state("proxy.slashes"), "skipped");
}

#[test]
fn a_certificate_that_ends_or_is_not_shown_is_told() {
    let dir = TempDir::new().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
        path.display().to_string()
    };
    let pair = |name: &str, last_year: i32| {
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        (file(&format!("{name}.pem"), &certificate), file(&format!("{name}.key"), &key.serialize_pem()))
    };
    let (good, other, old) = (pair("good", 3000), pair("other", 3000), pair("old", 2020));
    let shop = Shop::open_with(&[("TLS_CERT", &good.0), ("TLS_KEY", &good.1)]);
    let address = shop.address().to_string();
    let look = |(certificate, key): &(String, String)| {
        let settings = [("SLIPPERS_LISTEN", address.as_str()), ("TLS_CERT", certificate), ("TLS_KEY", key)];
        let report = examine(shop.data_dir(), &settings, &[]);
        ["tls.expiry", "tls.shown", "shop.answers"].map(|id| report.state(id).to_owned())
    };
    assert_eq!(look(&good), ["ok", "ok", "ok"]);
    assert_eq!(look(&other), ["ok", "warn", "ok"]);
    assert_eq!(look(&old), ["fail", "warn", "ok"]);
    assert_eq!(look(&(good.0.clone(), other.1.clone())), ["fail", "skipped", "ok"]);
    assert_eq!(examine(dir.path(), &[], &[]).state("tls.expiry"), "skipped");
}

#[test]
fn a_shop_can_be_watched_line_by_line_until_ctrl_c() {
    let shop = Shop::open_with(&[("METRICS_LISTEN", "127.0.0.1:0")]);
    // The shop is open before it has said all of its addresses.
    let metrics = eventually("it says where its figures are", || {
        let said = shop.said();
        let (_, rest) = said.split_once("metrics    http://")?;
        rest.split_once('/').map(|(address, _)| address.to_owned())
    });
    let mut watch = command(shop.data_dir(), &owned(&[("METRICS_LISTEN", metrics.as_str())]))
        .args(["doctor", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    // What is asked between two looks is in one of the lines.
    let busy = (0..20).find_map(|_| {
        shop.get("/slippers/").expect(200);
        let line = lines.next().expect("it goes on").expect("a line");
        (!line.contains("rate=0/s")).then_some(line)
    });
    let busy = busy.expect("the requests are seen");
    for words in ["rate=", "p50=", "p95=", "p99=", "slow=", "pool=", "cache="] {
        assert!(busy.contains(words) && !busy.contains('\u{1b}'), "{words}: {busy}");
    }
    let sent = Command::new("kill").args(["-INT", &watch.id().to_string()]).output();
    assert!(sent.expect("kill runs").status.success());
    eventually("it ends", || watch.try_wait().expect("it can be waited for"));
    let (code, _, errors) = run_in(shop.data_dir(), &[], &["doctor", "--watch"], "");
    assert_eq!(code, 2);
    assert!(errors.contains("METRICS_LISTEN"), "{errors}");
}
