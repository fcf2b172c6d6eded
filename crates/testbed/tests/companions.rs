//! What stands around the shop starts, answers, and is gone afterwards.
#![expect(clippy::expect_used, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use slippers_testbed::postgres::{self, Cluster};
use slippers_testbed::{Nginx, PgBouncer, Prometheus, Redis, Server};

/// Drops a server and looks whether it is gone.
fn is_gone_when_dropped<T: std::ops::Deref<Target = Server>>(server: T) {
    let (port, pid, folder) = (server.port(), server.pid().expect("a process"), server.folder().to_owned());
    assert!(support::port_answers(port) && support::is_process(pid) && folder.exists());
    drop(server);
    assert!(!support::port_answers(port) && !support::is_process(pid) && !folder.exists());
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

fn through(pooler: &PgBouncer, cluster: &Cluster, sql: &str) -> String {
    let url = cluster.url_through(pooler.port(), "postgres");
    let output = support::psql_process(&url, sql).wait_with_output().expect("psql");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn pgbouncer_pools_by_transaction() {
    let cluster = postgres::shared().expect("PostgreSQL");
    let pooler = PgBouncer::to(cluster).setting("default_pool_size", 1).setting("query_wait_timeout", 5);
    let pooler = pooler.start().expect("PgBouncer");
    let mut idle = support::psql_session(&cluster.url_through(pooler.port(), "postgres"));
    let one = idle.ask("select pg_backend_pid()");
    let other = through(&pooler, cluster, "select pg_backend_pid()");
    assert_eq!(other, one, "an idle client keeps its connection to the cluster");
    let config = support::psql_process(&cluster.url_through(pooler.port(), "pgbouncer"), "show config");
    let config = String::from_utf8(config.wait_with_output().expect("psql").stdout).expect("text");
    assert!(config.contains("pool_mode|transaction"), "{config}");
    is_gone_when_dropped(pooler);
}

#[test]
fn redis_answers_and_keeps_nothing() {
    let mut redis = Redis::start(&[("maxmemory", "3mb")]).expect("Redis");
    assert_eq!(redis.ask("SET slippers 1").expect("an answer"), "+OK");
    assert_eq!(redis.ask("EXISTS slippers").expect("an answer"), ":1");
    redis.restart().expect("Redis again");
    assert_eq!(redis.ask("EXISTS slippers").expect("an answer"), ":0");
    redis.kill_9().expect("killed");
    assert!(redis.ask("PING").is_err());
    redis.restart().expect("Redis again");
    is_gone_when_dropped(redis);
}

#[test]
fn nginx_serves_what_its_configuration_says() {
    let config = |port, _folder: &_| {
        format!("server {{ listen 127.0.0.1:{port}; location / {{ return 200 'slippers'; }} }}")
    };
    let nginx = Nginx::start(config).expect("nginx");
    assert!(get(nginx.port(), "/").ends_with("slippers"));
    is_gone_when_dropped(nginx);
}

#[test]
fn prometheus_runs_its_configuration() {
    let config = |_folder: &_| "global:\n  scrape_interval: 7s\n".to_owned();
    let prometheus = Prometheus::start(config).expect("Prometheus");
    assert!(get(prometheus.port(), "/api/v1/status/config").contains("scrape_interval: 7s"));
    is_gone_when_dropped(prometheus);
}

#[test]
fn a_server_that_ends_at_once_shows_its_log() {
    let told = Nginx::start(|_, _| "no_such_directive on;".to_owned()).expect_err("it can't start");
    assert!(told.to_string().contains("unknown directive \"no_such_directive\""), "{told}");
}
