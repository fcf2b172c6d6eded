//! How long a connection waits for its client: for the head of a request, and for the client to take what is sent.
//!
//! hyper can time heads itself, but makes, registers and removes a timer for each request: some 2,000 instructions and two
//! locks that all connections share. Here a connection has one timer, which fires twice in a timeout and asks then
//! whether anything has happened.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// What is known of a connection's requests where they are answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// A request is being answered: no head is waited for.
    is_busy: AtomicBool,
    /// Since it was asked last, a request came or was answered.
    has_moved: AtomicBool,
}

impl Progress {
    /// A request came whose answer takes a while, until the guard is dropped.
    pub(super) fn begin(&self) -> Busy {
        self.0.is_busy.store(true, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// A request was answered.
    pub(super) fn moved(&self) {
        self.0.has_moved.store(true, Ordering::Relaxed);
    }

    fn is_busy(&self) -> bool {
        self.0.is_busy.load(Ordering::Relaxed)
    }

    /// Whether there was progress since this was asked last. Only the connection's own task sets and asks.
    fn take_moved(&self) -> bool {
        let has_moved = self.0.has_moved.load(Ordering::Relaxed);
        if has_moved {
            self.0.has_moved.store(false, Ordering::Relaxed);
        }
        has_moved
    }
}

/// A request that is being answered, to the last piece of its body.
#[derive(Debug)]
pub(crate) struct Busy(Progress);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.moved();
        self.0.0.is_busy.store(false, Ordering::Relaxed);
    }
}

/// A connection that ends itself when its client takes too long.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    progress: Progress,
    header_timeout: Duration,
    write_timeout: Duration,
    /// Since when a head is waited for, at the earliest.
    idle_since: Instant,
    /// Since when the client has taken nothing of what is there for it.
    stuck_since: Option<Instant>,
    /// Whether the stream holds something of an answer yet: TLS takes 64 KiB before the client does. That it moves is the
    /// stream's to see then.
    is_flushing: bool,
    /// Fires at a deadline or before one.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(
        stream: S,
        progress: Progress,
        header_timeout: Duration,
        write_timeout: Duration,
    ) -> Self {
        let idle_since = Instant::now();
        Self {
            stream,
            progress,
            header_timeout,
            write_timeout,
            idle_since,
            stuck_since: None,
            is_flushing: false,
            timer: None,
        }
    }

    /// Ends a wait for a head that takes too long, and sees to it that somebody looks again.
    ///
    /// That there was progress is asked when the timer fires, twice in a timeout: so a request costs no look at the clock, and
    /// a client is given up after one timeout and a half at the latest.
    fn watch_head(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.timer.as_ref().is_some_and(|timer| !timer.is_elapsed()) {
            return Ok(());
        }
        let now = Instant::now();
        let is_sending = self.stuck_since.is_some() || self.is_flushing;
        if is_sending || self.progress.is_busy() || self.progress.take_moved() {
            self.idle_since = now;
        }
        let deadline = self.idle_since + self.header_timeout;
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.wake_at(deadline.min(now + self.header_timeout / 2), context);
        Ok(())
    }

    /// Ends a wait for a client that takes nothing.
    fn watch_write(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let now = Instant::now();
        let deadline = *self.stuck_since.get_or_insert(now) + self.write_timeout;
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.wake_at(deadline, context);
        Ok(())
    }

    /// Has the connection looked at at this moment, or before.
    fn wake_at(&mut self, moment: Instant, context: &mut Context<'_>) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if timer.is_elapsed() || timer.deadline() > moment {
            timer.as_mut().reset(moment);
        }
        if timer.as_mut().poll(context).is_ready() {
            // It has just passed.
            context.waker().wake_by_ref();
        } else if !has_budget_remaining() {
            // A timer that was not looked at wakes nobody. This task is woken at once, and makes another.
            self.timer = None;
        }
    }

    /// What became of an attempt to send.
    fn sent<T>(&mut self, sent: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            if self.stuck_since.take().is_some() {
                self.progress.moved();
            }
            return sent;
        }
        self.watch_write(context)?;
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.watch_head(context)?;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.sent(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.sent(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Also the moment after an answer: hyper, which may have found nothing to read while it was made, does not ask again.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if std::mem::replace(&mut self.is_flushing, flushed.is_pending()) && !self.is_flushing {
            self.progress.moved();
        }
        ready!(flushed)?;
        self.watch_head(context)?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const LATER: Duration = Duration::from_secs(30);

    /// Takes everything at once, as TLS does, and has sent it or not; its client says nothing.
    struct Buffering {
        has_sent: bool,
    }

    impl AsyncRead for Buffering {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Buffering {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.has_sent { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Whether a connection ends itself in twice the time that its client has for a head.
    async fn ends(has_sent: bool) -> bool {
        let mut patient = Patient::new(Buffering { has_sent }, Progress::default(), SOON, LATER);
        let reading = poll_fn(|context| {
            let _ = Pin::new(&mut patient).poll_flush(context);
            Pin::new(&mut patient).poll_read(context, &mut ReadBuf::new(&mut [0]))
        });
        timeout(SOON * 2, reading).await.is_ok_and(|read| read.is_err())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_still_being_answered_is_not_taken_for_silent() {
        assert!(ends(true).await, "a silent client is let go");
        assert!(!ends(false).await, "one to whom something is on its way is not");
    }
}
