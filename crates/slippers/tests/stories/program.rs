//! The program as a process: started, watched, asked to do one thing.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::run_logs;
use crate::shop::eventually;

/// How long the program may take until it listens; unoptimised, the pictures of a demo take most of it.
const FIRST_START: Duration = Duration::from_secs(120);

/// The variable by which a program and its successors are known: they inherit it.
const LINEAGE: &str = "STORY_LINEAGE";

/// A serving program, and everything that it has said.
pub(crate) struct Running {
    pub(crate) child: Child,
    lineage: String,
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<String>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Running {
    /// Serves on a port that the system chooses; the program says which in its first lines.
    pub(crate) fn start(dir: &Path, settings: &[(String, String)], arguments: &[String]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut child = command(dir, settings)
            .env(LINEAGE, &name)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = listen_to(child.stderr.take().expect("a pipe"), Arc::clone(&said), |_| {});
        let (found, address) = std::sync::mpsc::channel();
        let stdout = listen_to(child.stdout.take().expect("a pipe"), Arc::clone(&said), move |line| {
            if let Some((_, rest)) = line.split_once("://127.0.0.1:") {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                // Later lines repeat it; nobody waits for them.
                let _ = found.send(SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port"))));
            }
        });
        // The channel closes when the program ends before it has told its address.
        match address.recv_timeout(FIRST_START) {
            Ok(address) => Self {
                child,
                lineage: format!("{LINEAGE}={name}"),
                address,
                said,
                listeners: vec![stdout, stderr],
            },
            Err(error) => {
                let _ = child.kill();
                let said = said.lock().unwrap_or_else(PoisonError::into_inner);
                panic!("it did not tell its address ({error}); it said:\n{said}");
            }
        }
    }

    /// Waits for its end and its last words; answers its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let status = eventually("the program ends", || child.try_wait().expect("it can be waited for"));
        for listener in self.listeners.drain(..) {
            listener.join().expect("it listened to the end");
        }
        status.code()
    }

    /// What it has said so far, on stdout and stderr.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "what the program said explains why its story failed")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A successor may have been on its way when its predecessor was killed, so that no word of it was said.
        for process in descendants(&self.lineage) {
            let _ = Command::new("kill").args(["-KILL", &process]).output();
        }
        if std::thread::panicking() {
            eprintln!("the program said:\n{}", self.said());
        }
    }
}

/// The processes whose environment has this entry.
#[expect(clippy::disallowed_methods, reason = "a story's own thread may wait")]
fn descendants(lineage: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_one =
        |environment: Vec<u8>| environment.split(|&byte| byte == 0).any(|at| at == lineage.as_bytes());
    processes
        .filter(|process| std::fs::read(process.path().join("environ")).is_ok_and(is_one))
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The processes that a shop was handed over to, in order.
pub(crate) fn successors(said: &str) -> Vec<u32> {
    let rests = said.split("handed over to process ").skip(1);
    let digits = rests.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// Collects the lines of a pipe, so that the program never waits for a full one.
fn listen_to(
    pipe: impl Read + Send + 'static,
    said: Arc<Mutex<String>>,
    mut see: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            run_logs::keep(&line);
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
            drop(said);
            see(&line);
        }
    })
}

/// Runs a command of the program; answers (exit code, stdout, stderr).
pub(crate) fn run_in(
    dir: &Path,
    settings: &[(String, String)],
    arguments: &[&str],
    stdin: &str,
) -> (i32, String, String) {
    let mut child = command(dir, settings)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A command that does not read its input may have ended already.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let complained = text(output.stderr);
    complained.lines().filter(|line| run_logs::is_logged(line)).for_each(run_logs::keep);
    (output.status.code().unwrap_or(-1), text(output.stdout), complained)
}

/// What tells this build of the program from others.
pub(crate) fn build() -> String {
    let binary = binary();
    let about = binary.metadata().expect("the program");
    format!("{} {} {:?}", binary.display(), about.len(), about.modified().expect("its time"))
}

/// Measurements are made of a release build.
fn binary() -> PathBuf {
    let other = std::env::var_os("SLIPPERS_STORIES_BINARY");
    PathBuf::from(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_slippers").into()))
}

pub(crate) fn command(dir: &Path, settings: &[(String, String)]) -> Command {
    run_logs::plant_of_settings(settings);
    let mut command = Command::new(binary());
    // Nothing of the machine's own environment may decide a story.
    command.env_clear().current_dir(dir).env("SLIPPERS_DATA_DIR", dir).env("SLIPPERS_LOG_FORMAT", "text");
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}
