use super::*;

fn well() -> Vitals {
    Vitals {
        connections_max: 100,
        connections: 10,
        synchronous_commit: "on".to_owned(),
        is_durable: true,
        ..Vitals::default()
    }
}

/// What is found of a server after something was changed, but what is well.
fn ills(change: impl FnOnce(&mut Vitals)) -> Vec<(&'static str, &'static str)> {
    let mut vitals = well();
    change(&mut vitals);
    let found = of_primary(&vitals);
    assert_eq!(found.len(), OF_PRIMARY.len());
    found
        .iter()
        .filter(|finding| finding.state != State::Ok)
        .map(|finding| (finding.id, finding.state.word()))
        .collect()
}

#[test]
fn each_ill_of_a_server_is_its_own_finding_and_a_well_one_has_none() {
    assert_eq!(ills(|_| {}), []);
    let one = |id, state| vec![(id, state)];
    assert_eq!(ills(|v| v.connections = 81), one("postgres.connections", "warn"));
    assert_eq!(ills(|v| v.blocked_seconds = 6), one("postgres.locks", "warn"));
    assert_eq!(ills(|v| v.idle_in_transaction_seconds = 61), one("postgres.locks", "warn"));
    assert_eq!(
        ills(|v| v.missing_indexes = vec!["orders_by_user".to_owned()]),
        one("postgres.indexes", "fail")
    );
    assert_eq!(ills(|v| v.invalid_indexes = "orders_by_user".to_owned()), one("postgres.indexes", "warn"));
    assert_eq!(ills(|v| v.scanned_tables = "orders".to_owned()), one("postgres.scans", "warn"));
    assert_eq!(ills(|v| v.bloated_tables = "orders".to_owned()), one("postgres.dead_rows", "warn"));
    assert_eq!(ills(|v| v.is_durable = false), one("postgres.durability", "fail"));
    assert_eq!(ills(|v| v.synchronous_commit = "off".to_owned()), one("postgres.durability", "warn"));
    assert_eq!(ills(|v| v.sequence_percent = 70), one("postgres.numbers", "warn"));
    assert_eq!(ills(|v| v.sequence_percent = 91), one("postgres.numbers", "fail"));
    assert_eq!(ills(|v| v.transaction_age = 200_000_001), one("postgres.numbers", "warn"));
    assert_eq!(ills(|v| v.transaction_age = 1_000_000_001), one("postgres.numbers", "fail"));
    assert_eq!(ills(|v| v.clock_ahead_ms = -1001), one("postgres.clock", "warn"));
    assert_eq!(ills(|v| v.slot_bytes = (5 << 30) + 1), one("postgres.slots", "warn"));
}

#[test]
fn replicas_that_are_gone_promoted_or_small_are_told() {
    let replica = |is_replica, has_feedback, connections_max| {
        Ok(ReplicaVitals { name: "r:5432".to_owned(), is_replica, has_feedback, connections_max })
    };
    let state =
        |replicas: &[Result<ReplicaVitals, String>]| of_replicas(replicas, Some(&well())).state.word();
    assert_eq!(state(&[]), "skipped");
    assert_eq!(state(&[replica(true, true, 100), replica(true, true, 200)]), "ok");
    assert_eq!(state(&[replica(true, true, 100), Err("refused".to_owned())]), "warn");
    assert_eq!(state(&[replica(false, true, 100)]), "warn");
    assert_eq!(state(&[replica(true, false, 100)]), "warn");
    assert_eq!(state(&[replica(true, true, 50)]), "warn");
}

#[test]
fn a_pooler_that_does_not_fit_the_settings_is_told() {
    let pooler = |prepares, wait_seconds, waiting| PoolerVitals {
        version: (1, 18),
        mode: "transaction".to_owned(),
        prepares,
        wait_seconds,
        waiting,
        ..PoolerVitals::default()
    };
    assert_eq!(of_pooler(&pooler(false, 120, (0, 0)), true, 10).state.word(), "fail");
    assert_eq!(of_pooler(&pooler(true, 120, (0, 0)), true, 10).state.word(), "ok");
    assert_eq!(of_pooler(&pooler(false, 120, (0, 0)), false, 10).state.word(), "ok");
    assert_eq!(of_pooler(&pooler(false, 10, (0, 0)), false, 10).state.word(), "warn");
    assert_eq!(of_pooler(&pooler(false, 0, (0, 0)), false, 10).state.word(), "ok", "0 is for ever");
    assert_eq!(of_queue(&pooler(true, 0, (3, 1))).state.word(), "warn");
    assert_eq!(of_queue(&pooler(true, 0, (3, 0))).state.word(), "ok");
}

#[test]
fn what_can_not_be_asked_is_skipped_and_says_so() {
    assert!(on_a_file().iter().all(|finding| finding.state == State::Skipped && finding.fix.is_empty()));
    let words = redis(Err("refused".to_owned())).map(|finding| finding.state.word());
    assert_eq!(words, ["warn", "skipped"]);
}
