//! Redis that keeps nothing.

use std::io::{Read, Write};
use std::time::Duration;

use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::server::{self, Launch, Server};
use crate::{program, user, wait};

/// A running Redis without persistence: after [`Server::restart`] it is empty.
#[derive(Debug)]
pub struct Redis(Server, Option<Port>);

impl Redis {
    /// Starts it; `settings` are names and values of `redis.conf`, such as `("maxmemory", "1mb")`.
    pub fn start(settings: &[(&str, &str)]) -> Result<Self, Error> {
        let (folder, port) = (Folder::create("redis")?, Port::claim()?);
        Ok(Self(launch(folder, port, settings)?, None))
    }

    /// Starts one that speaks TLS too, with this certificate and its key, both in PEM.
    pub fn start_encrypted(certificate: &str, key: &str) -> Result<Self, Error> {
        let (folder, port, encrypted) = (Folder::create("redis")?, Port::claim()?, Port::claim()?);
        let file = |name: &str, text: &str| {
            let path = folder.path.join(name);
            user::of_servers().write(&path, text).map(|()| path.display().to_string())
        };
        let (certificate, key) = (file("server.crt", certificate)?, file("server.key", key)?);
        let number = encrypted.number.to_string();
        let settings = [
            ("tls-port", &*number),
            ("tls-cert-file", &*certificate),
            ("tls-key-file", &*key),
            ("tls-auth-clients", "no"),
        ];
        Ok(Self(launch(folder, port, &settings)?, Some(encrypted)))
    }

    /// Its address: `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Its address for TLS, `rediss://HOST:PORT/`, by a name of this machine; `None` when it speaks none.
    pub fn encrypted_url(&self, host: &str) -> Option<String> {
        self.1.as_ref().map(|port| format!("rediss://{host}:{}/", port.number))
    }

    /// Sends one command in Redis's plain form (`GET key`) and gives the first line of the answer. Fails when there is
    /// none.
    pub fn ask(&self, command: &str) -> Result<String, Error> {
        ask(self.port(), command, wait::LIMIT).map_err(Error::io(command))
    }
}

fn launch(folder: Folder, port: Port, settings: &[(&str, &str)]) -> Result<Server, Error> {
    let program = program::find("redis-server", "redis-server")?;
    let number = port.number.to_string();
    let ours = [("port", &*number), ("bind", "127.0.0.1"), ("save", ""), ("appendonly", "no")];
    let mut command = vec![program.into()];
    for (name, value) in ours.iter().chain(settings) {
        command.extend([format!("--{name}").into(), (*value).into()]);
    }
    let launch = Launch { command, stop: "TERM", linger_s: 0, answers };
    let mut server = Server::new("Redis", folder, port, launch);
    server.launch()?;
    Ok(server)
}

/// Waits so long for each answer.
fn ask(port: u16, command: &str, limit: Duration) -> std::io::Result<String> {
    let mut stream = server::connect(port)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn answers(server: &Server) -> bool {
    ask(server.port(), "PING", Duration::from_secs(2)).is_ok_and(|answer| answer == "+PONG")
}

server::is_a_server!(Redis);
