//! A process that follows another without a moment in which nobody answers: it is started with the listening sockets, opens
//! the database beside the old one, and says when it serves; only then does the old one drain and end.
//!
//! The successor's stdin is a socket to its predecessor. Over it come the listeners (`SCM_RIGHTS`, unix(7)), and back goes
//! one word. So nothing is left open by number, and a successor that dies is noticed at once.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::AsyncReadExt as _;

/// The flag that tells a process that it is a successor.
const FLAG: &str = "--take-over";
/// How long a successor may take until it serves: as long as a large migration may.
const PATIENCE: Duration = Duration::from_secs(300);
/// The public listener, and that of the metrics.
const MOST_LISTENERS: usize = 2;
const READY: u8 = b'r';
/// What goes with the listeners: whether systemd keeps the public one open.
const SYSTEMD_KEEPS: u8 = b's';
/// Not what earlier versions sent whoever's it was: of those it is not known, and what is systemd's must not be closed as ours.
const OURS_ALONE: u8 = b'o';

/// The successor's end of the line.
pub(crate) struct Predecessor(UnixStream);

impl Predecessor {
    /// Takes the listeners that the old process gives, in the order in which it gives them, and whether the public one is
    /// systemd's. Blocks.
    ///
    /// # Errors
    /// stdin is no such line.
    pub(crate) fn meet() -> io::Result<(Self, Vec<TcpListener>, bool)> {
        let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LISTENERS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(&line, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let mut listeners = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                listeners.extend(descriptors.map(TcpListener::from));
            }
        }
        if listeners.is_empty() {
            return Err(io::Error::other("the process before sent no listener"));
        }
        Ok((Self(line), listeners, byte != [OURS_ALONE]))
    }

    /// Tells the old process that this one serves.
    pub(crate) fn relieve(mut self) {
        // One that is gone needs no word.
        let _ = io::Write::write_all(&mut self.0, &[READY]);
    }
}

/// How a successor is started: as this process was, by the name that it was started by, so that it is the new version where a
/// link was moved to one.
#[derive(Debug)]
pub(crate) struct Successor {
    program: PathBuf,
    listeners: Vec<OwnedFd>,
    is_of_systemd: bool,
}

impl Successor {
    /// Keeps copies of the listeners, of which the public one may be systemd's.
    ///
    /// # Errors
    /// The system has no descriptor to give, or does not tell which program this is.
    pub(crate) fn new(listeners: &[BorrowedFd<'_>], is_of_systemd: bool) -> io::Result<Self> {
        let name = std::env::args_os().next().map(PathBuf::from);
        // A bare name was looked up in PATH, which may lead elsewhere by now.
        let program = match name.filter(|name| name.components().count() > 1 && Path::new(name).exists()) {
            Some(program) => program,
            None => std::env::current_exe()?,
        };
        let listeners = listeners.iter().map(BorrowedFd::try_clone_to_owned).collect::<io::Result<_>>()?;
        Ok(Self { program, listeners, is_of_systemd })
    }

    /// Starts a successor and waits until it serves; answers its process id. One that fails leaves nothing behind.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn start(&self) -> io::Result<u32> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut child = Killed(Some(self.spawn(theirs)?));
        let descriptors: Vec<BorrowedFd<'_>> = self.listeners.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LISTENERS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let word = [if self.is_of_systemd { SYSTEMD_KEEPS } else { OURS_ALONE }];
        sendmsg(&ours, &[IoSlice::new(&word)], &mut control, SendFlags::NOSIGNAL)?;
        ours.set_nonblocking(true)?;
        let mut line = tokio::net::UnixStream::from_std(ours)?;
        match tokio::time::timeout(PATIENCE, line.read_u8()).await {
            Ok(Ok(READY)) => Ok(child.let_live()),
            Ok(_) => Err(io::Error::other("it ended before it served; its last words are above")),
            Err(_) => Err(io::Error::other(format!("it did not serve within {PATIENCE:?}"))),
        }
    }

    fn spawn(&self, line: UnixStream) -> io::Result<Child> {
        let arguments = std::env::args_os().skip(1).filter(|argument| argument != FLAG);
        let mut command = Command::new(&self.program);
        command.args(arguments).arg(FLAG).stdin(Stdio::from(OwnedFd::from(line)));
        // The watchdog is for whoever is the main process, and the sockets come over the line.
        for name in ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            command.env_remove(name);
        }
        command.spawn()
    }
}

/// A child that does not outlive this value, unless it is let.
struct Killed(Option<Child>);

impl Killed {
    fn let_live(&mut self) -> u32 {
        self.0.take().map_or(0, |child| child.id())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
