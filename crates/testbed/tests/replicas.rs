//! Replicas follow, lag as told, and take over.
#![expect(clippy::expect_used, reason = "tests")]

mod support;

use std::time::Duration;

use slippers_testbed::postgres::Postgres;

const HOUR: Duration = Duration::from_secs(3600);

fn rows(cluster: &Postgres) -> String {
    cluster.query("postgres", "select count(*) from t").expect("an answer")
}

fn primary_with_table() -> Postgres {
    let primary = Postgres::start().expect("PostgreSQL");
    primary.query("postgres", "create table t (v int)").expect("a table");
    primary
}

#[test]
fn replicas_follow_each_by_its_own_delay() {
    let primary = primary_with_table();
    let prompt = primary.replica(Duration::ZERO).expect("a replica");
    let late = primary.replica(HOUR).expect("a replica");
    primary.query("postgres", "insert into t values (1)").expect("written");
    let written = primary.position().expect("a position");
    prompt.wait_for(written).expect("replayed");
    assert_eq!(rows(&prompt), "1");
    assert!(late.position().expect("a position") < written, "it doesn't lag");
    assert_eq!(rows(&late), "0");
    late.set_apply_delay(Duration::ZERO).expect("set");
    late.wait_for(written).expect("caught up");
    assert_eq!(rows(&late), "1");
}

#[test]
fn a_replica_refuses_writes_until_it_is_promoted() {
    let primary = primary_with_table();
    let replica = primary.replica(HOUR).expect("a replica");
    primary.query("postgres", "insert into t values (1)").expect("written");
    let refused = replica.query("postgres", "insert into t values (2)").expect_err("a replica");
    assert!(refused.to_string().contains("read-only transaction"), "{refused}");
    let received = "select coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0'), 0)";
    let written = primary.position().expect("a position");
    let has_received =
        || replica.query("postgres", received).expect("rows").parse::<u64>().expect("a number");
    support::eventually("it received the row", || has_received() >= written);
    primary.server().kill_9().expect("killed");
    replica.promote().expect("promoted");
    replica.query("postgres", "insert into t values (2)").expect("a primary");
    assert_eq!(rows(&replica), "2");
    let timeline = "select substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
    assert_eq!(replica.query("postgres", timeline).expect("rows"), "00000002");
}

#[test]
fn a_frozen_replica_goes_on_where_it_was() {
    let primary = primary_with_table();
    let replica = primary.replica(Duration::ZERO).expect("a replica");
    replica.server().freeze().expect("frozen");
    primary.query("postgres", "insert into t values (1)").expect("written");
    replica.server().thaw().expect("thawed");
    replica.wait_for(primary.position().expect("a position")).expect("replayed");
    assert_eq!(rows(&replica), "1");
}
