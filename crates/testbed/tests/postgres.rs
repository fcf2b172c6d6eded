//! PostgreSQL starts, answers, is shared, and is gone afterwards.

mod support;

use std::net::TcpStream;

use slippers_testbed::postgres::{self, Postgres};

use support::port_answers;

#[test]
fn a_cluster_of_ones_own_answers_and_is_gone_when_dropped() {
    let cluster = Postgres::start().expect("PostgreSQL");
    let (port, pid) = (cluster.port(), cluster.server().pid().expect("a process"));
    let folder = cluster.server().folder().to_owned();
    assert_eq!(cluster.query("postgres", "show fsync").expect("an answer"), "off");
    assert!(folder.exists() && port_answers(port) && support::is_process(pid));
    drop(cluster);
    assert!(!folder.exists(), "its files are left");
    assert!(!port_answers(port), "its port still answers");
    assert!(!support::is_process(pid), "its process is left");
}

#[test]
fn settings_and_fsync_are_what_was_asked_for() {
    let builder = Postgres::builder().fsync(true).setting("max_connections", 17);
    let cluster = builder.start().expect("PostgreSQL");
    let shown = cluster.query("postgres", "show fsync;\nshow full_page_writes;\nshow max_connections");
    assert_eq!(shown.expect("an answer"), "on\non\n17");
}

#[test]
fn trigram_search_is_installed() {
    let database = postgres::shared().expect("PostgreSQL").database().expect("a database");
    database.query("create extension pg_trgm").expect("pg_trgm");
    assert_eq!(database.query("select similarity('ТАПКИ', 'тапки')").expect("an answer"), "1");
}

#[test]
fn text_sorts_as_people_do_unless_bytes_are_asked_for() {
    let database = postgres::shared().expect("PostgreSQL").database().expect("a database");
    let sorted = |collate: &str| {
        let rows = format!("select v from (values ('a'), ('B'), ('c')) t(v) order by v {collate}");
        database.query(&rows).expect("rows")
    };
    assert_eq!(sorted(""), "a\nB\nc");
    assert_eq!(sorted("collate \"C\""), "B\na\nc");
}

#[test]
fn each_statement_commits_by_itself_and_a_refusal_is_told_in_the_servers_words() {
    let database = postgres::shared().expect("PostgreSQL").database().expect("a database");
    let rows = database.query(
        "create table t (v int, w text);\ninsert into t values (1, 'a;b'), (2, null);\nselect * from t",
    );
    assert_eq!(rows.expect("rows"), "1|a;b\n2|");
    let refused = database.query("insert into t values (3);\nselect from nowhere;\ninsert into t values (4)");
    let told = refused.expect_err("there is no such table").to_string();
    assert!(told.contains("ERROR: relation \"nowhere\" does not exist"), "{told}");
    assert_eq!(database.query("select max(v) from t").expect("rows"), "3");
}

#[tokio::test]
async fn a_task_may_ask_too() {
    let database = postgres::shared().expect("PostgreSQL").database().expect("a database");
    assert_eq!(database.query("select 7").expect("rows"), "7");
}

#[test]
fn a_server_killed_and_started_again_still_holds_what_was_committed() {
    let mut cluster = Postgres::builder().fsync(true).start().expect("PostgreSQL");
    let port = cluster.port();
    cluster.query("postgres", "create table t as select 42 as v").expect("a table");
    cluster.server().kill_9().expect("killed");
    assert!(cluster.query("postgres", "select v from t").is_err());
    cluster.restart().expect("PostgreSQL again");
    assert_eq!(cluster.port(), port);
    assert_eq!(cluster.query("postgres", "select v from t").expect("an answer"), "42");
}

#[test]
fn a_killed_server_leaves_no_shared_memory_when_dropped() {
    let cluster = Postgres::start().expect("PostgreSQL");
    let record =
        std::fs::File::open(cluster.server().folder().join("data/postmaster.pid")).expect("a record");
    let record = std::io::read_to_string(record).expect("text");
    let segment = record.lines().nth(6).expect("a line").split_whitespace().nth(1).expect("an id").to_owned();
    let is_there = || {
        let table = std::io::read_to_string(std::fs::File::open("/proc/sysvipc/shm").expect("a table"));
        table.expect("text").lines().any(|line| line.split_whitespace().nth(1) == Some(&segment))
    };
    cluster.server().kill_9().expect("killed");
    assert!(is_there(), "nothing to clean up: this test shows nothing");
    drop(cluster);
    assert!(!is_there());
}

#[test]
fn a_frozen_server_takes_connections_and_answers_nobody_until_it_thaws() {
    let cluster = Postgres::start().expect("PostgreSQL");
    let pid = cluster.server().pid().expect("a process");
    cluster.server().freeze().expect("frozen");
    assert!(cluster.server().is_running());
    let states = support::states_of_family(pid);
    assert!(states.len() > 3 && states.iter().all(|state| *state == 'T'), "{states:?}");
    let waiting = support::psql_process(&cluster.url_of("postgres"), "select 'thawed'");
    TcpStream::connect(("127.0.0.1", cluster.port())).expect("the kernel takes the connection");
    cluster.server().thaw().expect("thawed");
    support::eventually("all go on", || !support::states_of_family(pid).contains(&'T'));
    let output = waiting.wait_with_output().expect("psql");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "thawed");
}

#[test]
fn a_frozen_server_is_gone_when_dropped() {
    let cluster = Postgres::start().expect("PostgreSQL");
    let (port, folder) = (cluster.port(), cluster.server().folder().to_owned());
    cluster.server().freeze().expect("frozen");
    drop(cluster);
    assert!(!port_answers(port) && !folder.exists());
}
