//! What these tests share: waiting for conditions, and running a part of a test in a process of its own.
#![allow(dead_code, reason = "each test file takes a part")]
#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use slippers_testbed::wait;

/// Waits for a condition; panics after half a minute, which nothing here takes.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let became_so = wait::until(Duration::from_secs(30), || is_so().then_some(()));
    assert!(became_so.is_some(), "it never happened: {what}");
}

pub(crate) fn port_answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

pub(crate) fn is_process(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The state letters of a process and its children; `T` is stopped.
pub(crate) fn states_of_family(pid: u32) -> Vec<char> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let state = |process: std::fs::DirEntry| {
        let file = std::fs::File::open(process.path().join("stat")).ok()?;
        let line = std::io::read_to_string(file).ok()?;
        let mut fields = line.rsplit(')').next()?.split_whitespace();
        let (state, parent) = (fields.next()?.chars().next()?, fields.next()?.parse::<u32>().ok()?);
        let is_family = parent == pid || process.file_name().to_str() == Some(&pid.to_string());
        is_family.then_some(state)
    };
    processes.filter_map(state).collect()
}

/// `psql` that runs by itself.
pub(crate) fn psql_process(url: &str, sql: &str) -> Child {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-d", url, "-c", sql]);
    psql.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psql")
}

/// A program of PostgreSQL's that Debian keeps out of PATH.
pub(crate) fn postgresql_program(name: &str) -> std::path::PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs = versions.map(|version| version.path().join("bin").join(name));
    programs.find(|program| program.is_file()).unwrap_or_else(|| name.into())
}

/// A `psql` that stays connected.
pub(crate) struct Session {
    child: Child,
    output: BufReader<ChildStdout>,
}

pub(crate) fn psql_session(url: &str) -> Session {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-d", url]);
    let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    Session { child, output }
}

impl Session {
    /// The first line of the answer.
    pub(crate) fn ask(&mut self, sql: &str) -> String {
        self.child
            .stdin
            .as_mut()
            .expect("a pipe")
            .write_all(format!("{sql};\n").as_bytes())
            .expect("written");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        line.trim().to_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This test program, running one of its ignored tests.
pub(crate) struct Rerun {
    child: Child,
    output: BufReader<ChildStdout>,
}

/// Starts an ignored test of this program in a process of its own.
pub(crate) fn rerun(test: &str) -> Rerun {
    rerun_with(test, |_| {})
}

pub(crate) fn rerun_with(test: &str, prepare: impl FnOnce(&mut Command)) -> Rerun {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--ignored", "--exact", "--nocapture", test]);
    prepare(&mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    Rerun { child, output }
}

impl Rerun {
    /// The next line that the other side tells.
    pub(crate) fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("text") > 0, "it ended without a word");
            // The test runner's own words may stand before it on the line.
            if let Some((_, told)) = line.split_once("TOLD ") {
                return told.trim().to_owned();
            }
        }
    }

    /// Lets [`wait_to_be_asked`] return over there.
    pub(crate) fn ask(&mut self) {
        let pipe = self.child.stdin.as_mut().expect("a pipe");
        pipe.write_all(b"\n").and_then(|()| pipe.flush()).expect("written");
    }

    pub(crate) fn kill_9(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }
}

impl Drop for Rerun {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line for [`Rerun::line`].
#[expect(clippy::print_stdout, reason = "read by the test that started this process")]
pub(crate) fn tell(words: &str) {
    println!("TOLD {words}");
}

/// Until whoever started this process asks, kills it, or ends.
pub(crate) fn wait_to_be_asked() {
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
}

/// A place for the servers of other processes, away from those of this one.
pub(crate) struct Room(std::path::PathBuf);

impl Room {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::DirBuilderExt;
        let stamp = Instant::now();
        let name = format!("slippers-testbed-room-{}-{stamp:?}", std::process::id());
        let path = std::env::temp_dir().join(name.replace(|c: char| !c.is_alphanumeric(), "-"));
        // Others than this user pass through it.
        std::fs::DirBuilder::new().mode(0o711).create(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn set(&self, command: &mut Command) {
        command.env("TMPDIR", &self.0);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        eventually("the room can be removed", || std::fs::remove_dir_all(&self.0).is_ok());
    }
}
