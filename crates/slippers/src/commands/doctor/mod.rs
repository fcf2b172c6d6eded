//! `slippers doctor`: looks at the shop, its database and this host, and tells what is not as it should be, with the fix.
//!
//! It changes nothing and asks for nothing that is slow. What can't be looked at is *skipped* with the reason, which is not
//! *ok*. Each check has a story in which it is ok and one in which it is not (tests/stories/doctor.rs).

mod local;
mod memory;
mod proxy;
mod servers;
mod tls;
pub(super) mod watch;

use std::process::ExitCode;

use crate::config::Config;
use crate::console;

/// What was found, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    Skipped,
    Warn,
    Fail,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One look.
struct Finding {
    /// What was looked at, as scripts know it.
    id: &'static str,
    state: State,
    /// What was found, or why nothing was.
    measured: String,
    /// What is good.
    threshold: &'static str,
    /// Why it matters.
    why: &'static str,
    /// What to do; empty when nothing is.
    fix: String,
}

/// What a check compares with.
struct Check {
    id: &'static str,
    threshold: &'static str,
    why: &'static str,
}

impl Check {
    fn ok(&self, measured: impl Into<String>) -> Finding {
        self.found(State::Ok, measured, "")
    }

    /// It can't be looked at.
    fn skipped(&self, why: impl Into<String>) -> Finding {
        self.found(State::Skipped, why, "")
    }

    fn found(&self, state: State, measured: impl Into<String>, fix: impl Into<String>) -> Finding {
        let Self { id, threshold, why } = *self;
        Finding { id, state, measured: measured.into(), threshold, why, fix: fix.into() }
    }
}

/// Looks at everything. Exit code 0: nothing to do; 1: something may become a fault; 2: something is one.
pub(super) fn run(config: &Config, as_json: bool, url: Option<&str>) -> ExitCode {
    let mut findings = vec![
        local::proxies(config),
        local::key(config),
        local::schema(config),
        local::pages(config),
        local::backup(config),
        local::descriptors(),
        local::backlog(config),
        memory::limit(config),
        local::shop(config),
    ];
    findings.extend(tls::look(config));
    findings.extend(servers::look(config));
    findings.push(proxy::slashes(url));
    if as_json {
        console::say(&json(&findings));
    } else {
        findings.iter().for_each(tell);
    }
    let worst = findings.iter().map(|finding| finding.state).max();
    ExitCode::from(match worst {
        Some(State::Fail) => 2,
        Some(State::Warn) => 1,
        _ => 0,
    })
}

fn tell(finding: &Finding) {
    let Finding { id, state, measured, threshold, why, fix } = finding;
    console::say(&format!("{:<8} {id:<22} {measured}", state.word()));
    if *state >= State::Warn {
        console::say(&format!("         good: {threshold}\n         why: {why}\n         fix: {fix}"));
    }
}

/// An array of objects, whose texts are escaped as JSON wants it.
fn json(findings: &[Finding]) -> String {
    let object = |finding: &Finding| {
        let Finding { id, state, measured, threshold, why, fix } = finding;
        serde_json::json!({
            "id": id, "state": state.word(), "measured": measured, "threshold": threshold, "why": why, "fix": fix,
        })
    };
    serde_json::Value::from(findings.iter().map(object).collect::<Vec<_>>()).to_string()
}
