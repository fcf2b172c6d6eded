//! The answer to a COMMIT is lost: the server has committed, the client can't know. Or the COMMIT itself is.
#![expect(clippy::expect_used, reason = "tests")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use slippers_testbed::postgres::{self, Database};
use slippers_testbed::proxy::{Cut, Faults, Lose, Proxy};

fn database() -> Database {
    let database = postgres::shared().expect("PostgreSQL").database().expect("a database");
    database.query("create table t (v int)").expect("a table");
    database
}

fn rows(database: &Database) -> String {
    database.query("select count(*) from t").expect("an answer")
}

/// One transaction through the proxy, in the simple protocol.
fn insert(database: &Database, proxy: &Proxy) -> Output {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &database.url_through(proxy.port())]);
    psql.args(["-c", "begin", "-c", "insert into t values (1)", "-c", "commit"]).output().expect("psql")
}

fn proxy_to(port: u16, cut: Cut) -> Proxy {
    let proxy = Proxy::to_postgres(port, 7).expect("a proxy");
    proxy.set(Faults { cut: Some(cut), ..Faults::default() });
    proxy
}

#[test]
fn a_lost_answer_is_an_error_for_the_client_and_a_commit_on_the_server() {
    let database = database();
    let proxy = proxy_to(postgres::shared().expect("PostgreSQL").port(), Cut::next(Lose::Answer));
    let output = insert(&database, &proxy);
    assert!(!output.status.success(), "the client saw an answer");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("server closed the connection") || told.contains("reset by peer"), "{told}");
    assert_eq!((rows(&database).as_str(), proxy.lost_answers()), ("1", 1));
    assert!(insert(&database, &proxy).status.success(), "only the next one was to be cut");
    assert_eq!((rows(&database).as_str(), proxy.lost_answers()), ("2", 1));
}

#[test]
fn a_lost_request_is_an_error_for_the_client_and_nothing_on_the_server() {
    let database = database();
    let proxy = proxy_to(postgres::shared().expect("PostgreSQL").port(), Cut::next(Lose::Request));
    assert!(!insert(&database, &proxy).status.success(), "the client saw an answer");
    assert_eq!((rows(&database).as_str(), proxy.lost_requests(), proxy.lost_answers()), ("0", 1, 0));
    assert!(insert(&database, &proxy).status.success());
    assert_eq!(rows(&database), "1");
}

#[test]
fn a_commit_that_the_server_refuses_is_lost_but_not_counted() {
    let database = database();
    database.query("alter table t add unique (v) deferrable initially deferred").expect("altered");
    database.query("insert into t values (1)").expect("written");
    let proxy = proxy_to(postgres::shared().expect("PostgreSQL").port(), Cut::next(Lose::Answer));
    let output = insert(&database, &proxy);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("duplicate key"), "the answer came");
    assert_eq!((rows(&database).as_str(), proxy.lost_answers()), ("1", 0));
}

/// One transaction through the proxy with prepared statements.
fn insert_prepared(database: &Database, proxy: &Proxy, folder: &Path, mode: &str) -> Output {
    let script = folder.join("script.sql");
    let mut file = std::fs::File::create(&script).expect("a file");
    std::io::Write::write_all(&mut file, b"begin;\ninsert into t values (1);\ncommit;\n").expect("written");
    let mut pgbench = Command::new(support::postgresql_program("pgbench"));
    pgbench.args(["-n", "-t", "1", "-M", mode, "-f"]).arg(script).arg(database.url_through(proxy.port()));
    pgbench.output().expect("pgbench")
}

#[test]
fn the_extended_protocol_loses_answers_too() {
    let room = support::Room::new();
    for mode in ["extended", "prepared"] {
        let database = database();
        let proxy = proxy_to(postgres::shared().expect("PostgreSQL").port(), Cut::next(Lose::Answer));
        let output = insert_prepared(&database, &proxy, room.path(), mode);
        assert!(!output.status.success(), "the client saw an answer: {output:?}");
        assert_eq!((rows(&database).as_str(), proxy.lost_answers()), ("1", 1), "{mode}");
        assert!(insert_prepared(&database, &proxy, room.path(), mode).status.success());
        assert_eq!(rows(&database), "2");
    }
}

#[test]
fn one_in_some_is_drawn_from_the_seed() {
    let database = database();
    let port = postgres::shared().expect("PostgreSQL").port();
    let fates = |seed| -> Vec<bool> {
        let proxy = Proxy::to_postgres(port, seed).expect("a proxy");
        let cut = Cut { lose: Lose::Request, one_in: 2, at_most: u32::MAX };
        proxy.set(Faults { cut: Some(cut), ..Faults::default() });
        let fates: Vec<bool> = (0..10).map(|_| insert(&database, &proxy).status.success()).collect();
        let lost = fates.iter().filter(|success| !**success).count();
        assert_eq!(u32::try_from(lost).expect("few"), proxy.lost_requests());
        fates
    };
    let first = fates(3);
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, fates(3));
    assert_ne!(first, fates(4));
}
