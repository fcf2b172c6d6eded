//! Rows in bulk.

use bytes::Bytes;
use futures_util::SinkExt as _;
use slippers_core::StoreError;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::CopyInSink;

use super::{Db, UnderWay};

impl Db {
    /// Runs a `COPY … FROM STDIN` with what comes through the channel, until it is closed. An error that comes instead ends
    /// it, and nothing of it stays. Answers how many rows were copied.
    pub(crate) async fn copy_in(
        &self,
        sql: &str,
        chunks: &mut Receiver<Result<Bytes, StoreError>>,
    ) -> Result<u64, StoreError> {
        let under_way = UnderWay::new(&self.open);
        let sink: CopyInSink<Bytes> = self.told(self.client.copy_in(sql).await)?;
        let mut sink = Box::pin(sink);
        while let Some(chunk) = chunks.recv().await {
            self.told(sink.send(chunk?).await)?;
        }
        let copied = sink.as_mut().finish().await;
        under_way.answered(self.told(copied))
    }
}
