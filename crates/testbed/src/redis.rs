//! Redis that keeps nothing.

use std::io::{Read, Write};

use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::program;
use crate::server::{self, Launch, Server};

/// A running Redis without persistence: after [`Server::restart`] it is empty.
#[derive(Debug)]
pub struct Redis(Server);

impl Redis {
    /// Starts it; `settings` are names and values of `redis.conf`, such as `("maxmemory", "1mb")`.
    pub fn start(settings: &[(&str, &str)]) -> Result<Self, Error> {
        let program = program::find("redis-server", "redis-server")?;
        let (folder, port) = (Folder::create("redis")?, Port::claim()?);
        let number = port.number.to_string();
        let ours = [("port", &*number), ("bind", "127.0.0.1"), ("save", ""), ("appendonly", "no")];
        let mut command = vec![program.into()];
        for (name, value) in ours.iter().chain(settings) {
            command.extend([format!("--{name}").into(), (*value).into()]);
        }
        let launch = Launch { command, stop: "TERM", linger_s: 0, answers };
        let mut server = Server::new("Redis", folder, port, launch);
        server.launch()?;
        Ok(Self(server))
    }

    /// Its address: `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Sends one command in Redis's plain form (`GET key`) and gives the first line of the answer. Fails when there is
    /// none.
    pub fn ask(&self, command: &str) -> Result<String, Error> {
        ask(self.port(), command).map_err(Error::io(command))
    }
}

fn ask(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = server::connect(port)?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn answers(server: &Server) -> bool {
    ask(server.port(), "PING").is_ok_and(|answer| answer == "+PONG")
}

server::is_a_server!(Redis);
