//! Word to the other instances that there is something to look at: it makes their looks early, and nothing else hangs on
//! it. A word that is lost, late or told twice costs a look more or up to a quarter of a second.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Connection, Error};

use super::Feed;
use crate::connection::Endpoint;
use crate::route::Route;

/// What shows in `pg_stat_activity`.
const NAME: &str = "slippers-listen";
/// The channel. Nothing that is awaited by a commit is sent there: notifications of business transactions would make
/// their commits wait for each other (1.9 to 3.7 times slower, measured).
const CHANNEL: &str = "slippers_changes";
/// Commits that follow each other so closely are told with one word.
const GATHER: Duration = Duration::from_millis(5);
/// A word that takes longer is given up with its connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells and hears, on a connection of its own past any pooler, for as long as the feed is there.
pub(super) async fn carry(feed: Weak<Feed>, direct: Arc<Route>) {
    loop {
        let Some((committed, heard, instance)) = feed
            .upgrade()
            .map(|feed| (Arc::clone(&feed.committed), Arc::clone(&feed.heard), feed.instance.to_string()))
        else {
            return;
        };
        let mut endpoint = direct.current();
        endpoint.config.application_name(NAME);
        match talk(&endpoint, &committed, &heard, &instance).await {
            Ok(()) => tracing::debug!("the connection for word of changes ended"),
            Err(error) => tracing::debug!(%error, "no connection for word of changes: looks go on"),
        }
        // Elsewhere the primary may be.
        direct.turn();
        tokio::time::sleep(PATIENCE).await;
    }
}

async fn talk(
    endpoint: &Endpoint,
    committed: &Arc<Notify>,
    heard: &Arc<Notify>,
    instance: &str,
) -> Result<(), Error> {
    let (client, connection) = endpoint.config.connect(endpoint.tls.connect.clone()).await?;
    let listening = listen(connection, heard, instance);
    let telling = async {
        // A word need not survive a power failure, and no disk is to be waited for.
        client.batch_execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL}")).await?;
        // What was told while there was no connection.
        heard.notify_one();
        tell(&client, committed, instance).await
    };
    tokio::select! {
        () = listening => Ok(()),
        told = telling => told,
    }
}

/// Tells what is committed here.
async fn tell(client: &Client, committed: &Notify, instance: &str) -> Result<(), Error> {
    let word = format!("NOTIFY {CHANNEL}, '{instance}'");
    loop {
        committed.notified().await;
        tokio::time::sleep(GATHER).await;
        match tokio::time::timeout(PATIENCE, client.batch_execute(&word)).await {
            Ok(told) => told?,
            Err(_silence) => return Ok(()),
        }
    }
}

/// Drives the connection and hears what others tell, until it ends.
async fn listen<S, T>(mut connection: Connection<S, T>, heard: &Notify, instance: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(word))) if word.payload() != instance => heard.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}
