//! Prometheus with somebody else's configuration.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::program;
use crate::server::{self, Launch, Server};

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus(Server);

impl Prometheus {
    /// Starts it with what `config` writes as `prometheus.yml`, given the server's folder, in which it may put rules.
    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    pub fn start(config: impl FnOnce(&Path) -> String) -> Result<Self, Error> {
        let program = program::find("prometheus", "prometheus")?;
        let (folder, port) = (Folder::create("prometheus")?, Port::claim()?);
        let file = folder.path.join("prometheus.yml");
        fs::write(&file, config(&folder.path)).map_err(Error::at(&file))?;
        let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}").into();
        let command = vec![
            program.into(),
            flag("config.file", &file.display()),
            flag("storage.tsdb.path", &folder.path.join("data").display()),
            flag("web.listen-address", &format!("127.0.0.1:{}", port.number)),
        ];
        let launch = Launch { command, stop: "TERM", linger_s: 0, answers };
        let mut server = Server::new("Prometheus", folder, port, launch);
        server.launch()?;
        Ok(Self(server))
    }

    /// Its address: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

fn answers(server: &Server) -> bool {
    let ask = || {
        let mut stream = server::connect(server.port())?;
        stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    ask().is_ok_and(|answer: String| answer.starts_with("HTTP/1.0 200"))
}

server::is_a_server!(Prometheus);
