//! Streaming replicas: how far behind they are, and how one becomes the primary.

use std::time::Duration;

use super::cluster::Cluster;
use super::own::Postgres;
use crate::error::Error;
use crate::folder::Folder;
use crate::program;
use crate::user;
use crate::wait;

impl Postgres {
    /// Starts a replica that streams from this cluster and replays each commit `apply_delay` (rounded down to
    /// milliseconds) after it happened. Any number of them, also of replicas; each is a cluster like any other and
    /// outlives its primary.
    pub fn replica(&self, apply_delay: Duration) -> Result<Self, Error> {
        let folder = Folder::create("replica")?;
        let mut backup = user::of_servers().command(&program::postgresql_folder()?.join("pg_basebackup"))?;
        backup.args(["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]);
        backup.args(["--host=127.0.0.1", "--username=postgres", "--no-password"]);
        backup.arg(format!("--port={}", self.port())).env("PGPASSWORD", self.password());
        backup.arg("--pgdata").arg(folder.path.join("data")).current_dir(&folder.path);
        program::run("pg_basebackup", &mut backup)?;
        let builder = self.built.clone().setting("recovery_min_apply_delay", apply_delay.as_millis());
        builder.start_on(folder, self.password().to_owned())
    }

    /// From now on a replica replays each commit `apply_delay` after it happened, also those that wait already.
    pub fn set_apply_delay(&self, apply_delay: Duration) -> Result<(), Error> {
        let millis = apply_delay.as_millis();
        let set = format!(
            "alter system set recovery_min_apply_delay = '{millis}ms';\nselect from pg_reload_conf()"
        );
        self.query("postgres", &set).map(drop)
    }

    /// From now on a replica streams from the cluster behind this port of 127.0.0.1: after a failover, that of the one that
    /// was promoted. Takes up to five seconds to be so, where the stream had ended before.
    pub fn follow(&self, port: u16) -> Result<(), Error> {
        let follow = format!(
            "alter system set primary_conninfo = 'host=127.0.0.1 port={port} user=postgres password={}';\n\
             select from pg_reload_conf()",
            self.password()
        );
        self.query("postgres", &follow).map(drop)
    }

    /// Makes a replica a primary of its own, on a new timeline, and waits until it takes writes. What it received and
    /// hasn't replayed yet it replays first, without delay.
    pub fn promote(&self) -> Result<(), Error> {
        match self.query("postgres", "select pg_promote(true, 60)")?.as_str() {
            "t" => Ok(()),
            other => Err(Error::Failed { what: "promoting".into(), output: other.to_owned() }),
        }
    }
}

impl Cluster {
    /// How far its log of writes is, in bytes: what a primary has written, what a replica has replayed.
    pub fn position(&self) -> Result<u64, Error> {
        let ask = "select pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() \
                   else pg_current_wal_insert_lsn() end, '0/0')";
        let answer = self.query("postgres", ask)?;
        answer.parse().map_err(|_| Error::Failed { what: "asking for the position".into(), output: answer })
    }

    /// How far a replica has received the log of a primary whose connection has ended, in bytes, replayed or not.
    pub fn received(&self) -> Result<u64, Error> {
        let ask = "select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0') from \
                   (select count(*) as receiving from pg_stat_wal_receiver where status = 'streaming') as receivers \
                   where receiving = 0";
        let received =
            wait::until(wait::LIMIT, || match self.query("postgres", ask) {
                Ok(answer) if answer.is_empty() => None,
                Ok(answer) => {
                    let position = answer.parse();
                    Some(position.map_err(|_| Error::Failed {
                        what: "asking what was received".into(),
                        output: answer,
                    }))
                }
                Err(cause) => Some(Err(cause)),
            });
        received.unwrap_or_else(|| {
            let what = "the end of a replica's stream".to_owned();
            Err(Error::Late { what, limit_s: wait::LIMIT.as_secs(), log: String::new() })
        })
    }

    /// Waits until a replica has replayed all that its primary had written at `position`.
    pub fn wait_for(&self, position: u64) -> Result<(), Error> {
        let replayed = wait::until(wait::LIMIT, || match self.position() {
            Ok(reached) => (reached >= position).then_some(Ok(())),
            Err(cause) => Some(Err(cause)),
        });
        replayed.unwrap_or_else(|| {
            let what = format!("replaying position {position}");
            Err(Error::Late { what, limit_s: wait::LIMIT.as_secs(), log: String::new() })
        })
    }
}
