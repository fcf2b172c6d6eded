//! A process of somebody else's program, its supervisor and its end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::folder::{self, Folder};
use crate::port::Port;
use crate::{program, user, wait};

/// What is run, and how it is ended.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The signal that ends the program at once and with all its children: `QUIT`, `TERM`.
    pub(crate) stop: &'static str,
    /// How long the server outlives its last lease, in seconds.
    pub(crate) linger_s: u32,
    /// Whether it answers now.
    pub(crate) answers: fn(&Server) -> bool,
}

/// A server of this test's own: killed, frozen and started again at will, and gone when it is dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    launch: Launch,
    folder: Folder,
    port: Port,
    supervisor: Option<Child>,
}

impl Server {
    /// A server that doesn't run yet; its files go into the folder of the same name.
    pub(crate) fn new(name: &str, folder: Folder, port: Port, launch: Launch) -> Self {
        Self { name: name.to_owned(), launch, folder, port, supervisor: None }
    }

    /// The port of 127.0.0.1 on which it listens; the same after [`Server::restart`].
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Its folder: configuration, data and the file `log`.
    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        self.folder.end_of_log()
    }

    /// Starts the process, and waits until it answers.
    pub(crate) fn launch(&mut self) -> Result<(), Error> {
        self.supervise()?;
        let answered = wait::until(wait::LIMIT, || {
            // A dead supervisor never started it; a dead server answers nobody.
            let is_over = match self.recorded_pid() {
                Some(_) => !self.is_running(),
                None => matches!(self.supervisor.as_mut().map(Child::try_wait), Some(Ok(Some(_)))),
            };
            // Under load it answers before its number is written down, without which nobody could signal it.
            let is_up = || self.is_running() && (self.launch.answers)(self);
            if is_over { Some(false) } else { is_up().then_some(true) }
        });
        match answered {
            Some(true) => Ok(()),
            Some(false) => Err(Error::Ended { name: self.name.clone(), log: self.log() }),
            None => Err(self.late("answering")),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    fn supervise(&mut self) -> Result<(), Error> {
        let path = &self.folder.path;
        // Before the supervisor makes it, so that the folder never looks abandoned.
        let log =
            File::options().create(true).append(true).open(path.join("log")).map_err(Error::at(path))?;
        let script = path.join("supervise.sh");
        fs::write(&script, include_str!("supervise.sh")).map_err(Error::at(&script))?;
        let mut supervisor = Command::new(program::find("sh", "dash")?);
        supervisor.arg(script).arg(path);
        supervisor.arg(self.launch.linger_s.to_string()).arg(self.launch.stop);
        supervisor.args(user::of_servers().prefix(self.launch.stop)?).args(&self.launch.command);
        // Away from the test's standard streams, which its runner may wait for, and from its process group, which its
        // runner may kill.
        supervisor.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        self.supervisor = Some(supervisor.spawn().map_err(Error::io("starting a supervisor"))?);
        self.folder.is_supervised = true;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    fn recorded_pid(&self) -> Option<Pid> {
        fs::read_to_string(self.folder.path.join("pid")).ok()?.trim().parse().ok().and_then(Pid::from_raw)
    }

    /// Its process while it runs; a frozen one does.
    fn process(&self) -> Option<Pid> {
        let supervisor = Pid::from_child(self.supervisor.as_ref()?).as_raw_nonzero().get();
        // The number of an ended process may be another's by now.
        let is_ours = |pid: &Pid| state_of(*pid).is_some_and(|(state, of)| of == supervisor && state != 'Z');
        self.recorded_pid().filter(is_ours)
    }

    /// The number of its process while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
    }

    /// Whether its process runs; a frozen one does.
    pub fn is_running(&self) -> bool {
        self.process().is_some()
    }

    /// `kill -9` to it and all its children, as a crash of the machine looks from outside, but for what is in the
    /// page cache. [`Server::restart`] starts it again on the same files.
    pub fn kill_9(&self) -> Result<(), Error> {
        // Stopped, it makes no more children.
        self.freeze()?;
        let killed = self.signal_all(Signal::KILL)?;
        // Its children too: until they are gone they have a part of its shared memory.
        let is_gone = |pid: &Pid| state_of(*pid).is_none_or(|(state, _)| state == 'Z');
        let are_gone = || killed.iter().all(is_gone).then_some(());
        wait::until(wait::LIMIT, are_gone).ok_or_else(|| self.late("dying"))
    }

    /// Stops it and all its children with SIGSTOP: connections stay open and nobody answers.
    pub fn freeze(&self) -> Result<(), Error> {
        // A signal acts when its process is scheduled next: until then somebody might still answer, or make another child.
        let is_stopped = |pid: &Pid| state_of(*pid).is_none_or(|(state, _)| matches!(state, 'T' | 'Z'));
        let are_all_stopped = || match self.signal_all(Signal::STOP) {
            // And then those that it made before it was.
            Ok(family) if family.iter().all(is_stopped) => {
                self.process().is_some_and(|pid| descendants(pid).iter().all(is_stopped)).then_some(Ok(()))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        };
        wait::until(wait::LIMIT, are_all_stopped).unwrap_or_else(|| Err(self.late("stopping")))
    }

    /// Lets it and all its children go on.
    pub fn thaw(&self) -> Result<(), Error> {
        self.signal_all(Signal::CONT).map(drop)
    }

    /// The parent first, so that it makes no more children. Answers all who got it.
    fn signal_all(&self, signal: Signal) -> Result<Vec<Pid>, Error> {
        let Some(pid) = self.process() else {
            let output = "it doesn't run".into();
            return Err(Error::Failed { what: format!("a signal to {}", self.name), output });
        };
        // Of a killed parent nobody could name the children any more.
        let mut family = descendants(pid);
        kill_process(pid, signal).map_err(|cause| Error::io("a signal")(cause.into()))?;
        family.extend(descendants(pid));
        for child in &family {
            // It may end by itself between the two.
            let _ = kill_process(*child, signal);
        }
        family.push(pid);
        Ok(family)
    }

    /// Ends it if it runs, and starts it again on the same port and files.
    pub fn restart(&mut self) -> Result<(), Error> {
        let keep = self.folder.path.join("keep");
        // Locked until there is a lease again.
        let _kept = folder::lock(&keep)?;
        self.end()?;
        self.folder.renew()?;
        for old in [self.folder.path.join("pid"), keep] {
            fs::remove_file(&old).map_err(Error::at(&old))?;
        }
        self.launch()
    }

    /// Gives the lease back and waits for the supervisor, who ends the server and removes its folder unless that has a file `keep`.
    fn end(&mut self) -> Result<(), Error> {
        let Some(mut supervisor) = self.supervisor.take() else { return Ok(()) };
        if self.is_running() {
            self.thaw()?;
        }
        self.folder.release();
        supervisor.wait().map_err(Error::io("waiting for a supervisor")).map(drop)
    }

    /// Leaves the server to its supervisor: it runs as long as anybody has a lease.
    pub(crate) fn leave(mut self) {
        self.supervisor = None;
    }

    fn late(&self, what: &str) -> Error {
        let what = format!("{} of {}", what, self.name);
        Error::Late { what, limit_s: wait::LIMIT.as_secs(), log: self.log() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody could be told; what is left is swept by the next process with a testbed.
        let _ = self.end();
    }
}

/// A process's state letter and its parent.
#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn state_of(pid: Pid) -> Option<(char, i32)> {
    let line = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before it is in parentheses and may hold anything.
    let mut fields = line.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// All children of a process, and theirs.
fn descendants(pid: Pid) -> Vec<Pid> {
    let parents: Vec<(Pid, i32)> = all_processes().filter_map(|pid| Some((pid, state_of(pid)?.1))).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|pid| pid.as_raw_nonzero().get()) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.split_off(1)
}

pub(crate) fn all_processes() -> impl Iterator<Item = Pid> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

/// A connection to a server that may not be there, nor answer: it waits two seconds for each answer.
pub(crate) fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    Ok(stream)
}

/// Gives a type that wraps a server all that servers can do.
macro_rules! is_a_server {
    ($name:ident) => {
        impl std::ops::Deref for $name {
            type Target = Server;

            fn deref(&self) -> &Server {
                &self.0
            }
        }

        impl std::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Server {
                &mut self.0
            }
        }
    };
}
pub(crate) use is_a_server;
