//! nginx with somebody else's configuration.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::program;
use crate::server::{self, Launch, Server};

/// A running nginx.
#[derive(Debug)]
pub struct Nginx(Server);

impl Nginx {
    /// Starts it with what `http` writes into the block `http { ... }`, given the port to listen on and the server's
    /// folder, in which it may put files of its own. It logs to [`Server::log`].
    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    pub fn start(http: impl FnOnce(u16, &Path) -> String) -> Result<Self, Error> {
        let program = program::find("nginx", "nginx-light")?;
        let (folder, port) = (Folder::create("nginx")?, Port::claim()?);
        let config = folder.path.join("nginx.conf");
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places: String = places.iter().map(|name| format!("{name}_temp_path {name}_temp;\n")).collect();
        let http = http(port.number, &folder.path);
        let text = format!(
            "daemon off;\npid nginx.pid;\nerror_log stderr;\nworker_processes 1;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\naccess_log off;\n{places}{http}\n}}\n"
        );
        fs::write(&config, text).map_err(Error::at(&config))?;
        let mut command = vec![program.into(), "-e".into(), "stderr".into(), "-p".into()];
        command.extend([folder.path.clone().into(), "-c".into(), config.into()]);
        let launch = Launch { command, stop: "TERM", linger_s: 0, answers };
        let mut server = Server::new("nginx", folder, port, launch);
        server.launch()?;
        Ok(Self(server))
    }
}

/// What it answers is its configuration's matter; that it listens is all that can be known here.
fn answers(server: &Server) -> bool {
    server::connect(server.port()).is_ok()
}

server::is_a_server!(Nginx);
