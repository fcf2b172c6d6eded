//! Whatever ends a test, nothing of its servers is left.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use slippers_testbed::postgres::{self, Postgres};

use support::{Rerun, eventually, is_process, port_answers, rerun, rerun_with};

#[test]
fn a_test_that_panics_leaves_nothing() {
    let told = std::sync::Mutex::new(None);
    let panicked = std::panic::catch_unwind(|| {
        let cluster = Postgres::start().expect("PostgreSQL");
        *told.lock().expect("a lock") =
            Some((cluster.port(), cluster.server().pid(), cluster.server().folder().to_owned()));
        panic!("as tests do");
    });
    assert!(panicked.is_err());
    let (port, pid, folder) = told.into_inner().expect("a lock").expect("it started");
    assert!(!port_answers(port) && !is_process(pid.expect("a pid")) && !folder.exists());
}

#[test]
fn a_test_that_is_killed_leaves_nothing() {
    let mut child = rerun("child_that_waits_to_be_killed");
    let (port, pid, folder) = told_by(&mut child);
    assert!(port_answers(port) && is_process(pid) && folder.exists());
    child.kill_9();
    eventually("the port is free", || !port_answers(port));
    eventually("the process is gone", || !is_process(pid));
    eventually("the files are gone", || !folder.exists());
}

#[test]
#[ignore = "a part of a_test_that_is_killed_leaves_nothing, which runs it in a process of its own"]
fn child_that_waits_to_be_killed() {
    let cluster = Postgres::start().expect("PostgreSQL");
    let pid = cluster.server().pid().expect("a pid");
    support::tell(&format!("{} {pid} {}", cluster.port(), cluster.server().folder().display()));
    support::wait_to_be_asked();
}

#[test]
fn a_supervisor_that_is_killed_takes_its_server_along_and_the_next_test_sweeps_its_files() {
    let room = support::Room::new();
    let mut child = rerun_with("child_that_waits_to_be_killed", |command| room.set(command));
    let (port, pid, folder) = told_by(&mut child);
    let status = std::fs::File::open(format!("/proc/{pid}/status")).expect("a process");
    let status = std::io::read_to_string(status).expect("text");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent").trim();
    assert!(Command::new("kill").args(["-9", parent]).status().expect("kill").success());
    eventually("the server is gone", || !is_process(pid) && !port_answers(port));
    child.kill_9();
    assert!(folder.exists(), "nothing to sweep: this test shows nothing");
    // What the supervisor waited for the lease with outlives it for a moment, and has its lock.
    let lock = |name: &str| std::fs::File::open(folder.join(name)).expect("a file of locks");
    eventually("its locks are given back", || {
        ["lease", "supervised"].iter().all(|name| lock(name).try_lock().is_ok())
    });
    told_by(&mut rerun_with("child_that_waits_to_be_killed", |command| room.set(command)));
    assert!(!folder.exists(), "the next test left the files");
}

#[test]
fn the_shared_cluster_outlives_a_killed_test_but_not_the_last_one() {
    let room = support::Room::new();
    let mut first = rerun_with("child_that_shares", |command| room.set(command));
    let (port, pid, folder) = told_by(&mut first);
    let mut second = rerun_with("child_that_shares", |command| room.set(command));
    assert_eq!(told_by(&mut second), (port, pid, folder.clone()), "they don't share");
    first.kill_9();
    second.ask();
    assert_eq!(second.line(), "still there");
    second.kill_9();
    eventually("it is gone", || !is_process(pid) && !port_answers(port) && !folder.exists());
}

#[test]
#[ignore = "a part of the_shared_cluster_outlives_a_killed_test_but_not_the_last_one"]
fn child_that_shares() {
    let cluster = postgres::shared().expect("PostgreSQL");
    let folder = cluster.query("postgres", "show data_directory").expect("an answer");
    let folder = PathBuf::from(folder.strip_suffix("/data").expect("a data folder"));
    let record = std::fs::File::open(folder.join("pid")).expect("a record");
    let pid = std::io::read_to_string(record).expect("text");
    support::tell(&format!("{} {} {}", cluster.port(), pid.trim(), folder.display()));
    support::wait_to_be_asked();
    cluster.database().expect("a database");
    support::tell("still there");
    support::wait_to_be_asked();
}

/// Port, process and folder of the other side's server.
fn told_by(child: &mut Rerun) -> (u16, u32, PathBuf) {
    let told = child.line();
    let [port, pid, folder] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    (port.parse().expect("a port"), pid.parse().expect("a number"), PathBuf::from(folder))
}
