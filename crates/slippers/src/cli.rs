//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use slippers_core::types::Phone;

use crate::config::Flags;
use crate::stock::seed::MAX_PRODUCTS;

const EXAMPLES: &str = "\
Examples:
  slippers serve --demo                      try it: a stocked shop on http://127.0.0.1:8000
  slippers serve --listen 0.0.0.0:80         serve on all networks
  slippers config check                      see every setting and where it comes from
  printf '%s\\n' \"$PASSWORD\" | slippers admin create --name Admin --phone +998901234567 --password-stdin

Every setting can be given in the environment, in .env, or in a TOML file (--config); `slippers config list` tells them.
Exit codes: 0 done, 1 failed, 2 wrong usage or settings.";

/// A whole online shop in one program: JSON API, database, pictures.
#[derive(Debug, Parser)]
#[command(name = "slippers", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Read settings from this TOML file (.env, the environment and flags beat it).
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Folder of everything that the shop keeps: database, signing key, pictures [default: ./data].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the shop until Ctrl-C or SIGTERM.
    ///
    /// The database is made when it is missing, and migrated. At the first signal the shop finishes what runs and
    /// stops; a second signal ends it at once.
    Serve {
        #[command(flatten)]
        listen: Listen,

        #[command(flatten)]
        traffic: Traffic,

        /// Stock an empty shop with some dozens of slippers, with pictures, and make an admin whose password is shown
        /// once. A shop that has categories or products is left alone.
        #[arg(long)]
        demo: bool,

        /// This process follows the one at the other end of stdin, which has started it.
        #[arg(long, hide = true)]
        take_over: bool,
    },

    /// Look at the database's schema, or bring it up to this program's.
    #[command(subcommand)]
    Migrate(Migrate),

    /// Make and see admins, and give users another password.
    #[command(subcommand)]
    Admin(Admin),

    /// Fill an empty catalogue with any number of products, to try and measure things.
    ///
    /// They lie in three categories (Men, Women, Kids) in even shares and share two dozen pictures. The same number
    /// always gives the same products. A catalogue that is not empty is refused and left alone.
    Seed {
        /// How many products, 1 to 10000000.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_PRODUCTS))]
        products: u64,
    },

    /// Move a whole shop from its SQLite file into an empty PostgreSQL database.
    ///
    /// Everything goes in one transaction: numbers stay as they are, counts and sums are compared on both sides before it
    /// is said to be done, and of a move that was interrupted nothing is there. The file is only read (but brought up to
    /// this program first); stop the shop before, since what it writes meanwhile is not moved. Pictures and the signing
    /// key stay where they are, in the data folder.
    #[command(
        after_help = "Example:\n  slippers transfer --from sqlite:data/shop.db --to postgresql://slippers@localhost/slippers"
    )]
    Transfer {
        /// The file, as in DATABASE_URL: sqlite:PATH.
        #[arg(long, value_name = "URL")]
        from: String,

        /// The database, as in DATABASE_URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.
        #[arg(long, value_name = "URL")]
        to: String,
    },

    /// Look at the shop, its database and this host, and tell what is not as it should be, with the fix.
    ///
    /// Nothing is changed. Exit code 0: nothing to do; 1: something may become a fault (warn); 2: something is one (fail).
    Doctor {
        /// One JSON array, an object for each check.
        #[arg(long, conflicts_with = "watch")]
        json: bool,

        /// Show live what happens, from the listener of the metrics, until Ctrl-C.
        #[arg(long)]
        watch: bool,

        /// The public address of the shop, to look at what stands in front: `https://shop.example.uz`.
        #[arg(long, value_name = "URL", conflicts_with = "watch")]
        url: Option<String>,

        #[command(flatten)]
        listen: Listen,
    },

    /// Measure this host and its database for some seconds, and tell which settings follow from that.
    ///
    /// Nothing is changed: a file in the data folder that is gone at once, some password hashes, and on PostgreSQL commits
    /// that write nothing but the log. Best on a shop that is closed or quiet.
    Tune {
        /// Seconds for each size of the pool that is tried, 1 to 60.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
        seconds: u64,
    },

    /// Copy a shop on SQLite into a folder while it sells: rows of one moment, pictures, signing key.
    ///
    /// The copy is read from end to end before the folder gets its name. It holds people's data and the key.
    Backup {
        /// A folder that is empty or not there yet.
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },

    /// Put a backup into a folder that holds no shop (--data-dir).
    Restore {
        /// The folder that `slippers backup` has made.
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
    },

    /// Print the OpenAPI document of the API.
    Openapi,

    /// Ask a running shop whether it lives: exit code 0 when it does, 1 when not.
    ///
    /// It asks the address of SLIPPERS_LISTEN, at most 2 seconds long; made for containers.
    Healthcheck {
        #[command(flatten)]
        listen: Listen,
    },

    /// Print the configuration of what runs beside the shop, filled in with this host's settings.
    #[command(subcommand)]
    Deploy(Deploy),

    /// See the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// The address of the shop.
#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Address and port [default: 127.0.0.1:8000]; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

/// How much of a PostgreSQL server the shop may take.
#[derive(Args, Debug)]
pub(crate) struct Traffic {
    /// Connections to PostgreSQL in all: 20 + 30, 50 + 100, or 100 + 200, as far as the server has them to give
    /// [default: four for each core, 8 to 32].
    #[arg(long, value_name = "HOW_MUCH", value_parser = ["low", "moderate", "high"])]
    traffic: Option<String>,
}

/// `migrate …`
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Migrate {
    /// Bring the database up to this program; it is made when it is missing. Every command that uses it does so too.
    Up,
    /// List the migrations and where each stands. Nothing is made or changed.
    Status,
}

/// `admin …`
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make an admin.
    #[command(
        after_help = "Example:\n  printf '%s\\n' \"$PASSWORD\" | slippers admin create --name Admin --phone +998901234567 --password-stdin"
    )]
    Create {
        /// The name to sign in with, 2 to 100 characters, not yet taken.
        #[arg(long, value_parser = person_name)]
        name: String,

        /// The surname, 2 to 100 characters.
        #[arg(long, default_value = "Administrator", value_parser = person_name)]
        surname: String,

        /// The phone: + and 6 to 15 digits, not yet taken.
        #[arg(long, value_parser = phone)]
        phone: Phone,

        /// Read the password from stdin: one line of 8 to 1024 characters.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the admins.
    List,
    /// Give a user, admin or not, another password, and end all of their sessions.
    #[command(
        after_help = "Example:\n  printf '%s\\n' \"$PASSWORD\" | slippers admin reset-password --name Admin --password-stdin"
    )]
    ResetPassword {
        /// The name they sign in with, to the letter.
        #[arg(long)]
        name: String,

        /// Read the password from stdin: one line of 8 to 1024 characters.
        #[arg(long)]
        password_stdin: bool,
    },
}

/// `deploy …`
#[derive(Debug, Subcommand)]
pub(crate) enum Deploy {
    /// The service and the socket of systemd.
    Systemd {
        /// Where the program lies [default: /usr/local/bin/slippers].
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
    },
    /// nginx in front of the shop.
    Nginx {
        /// The certificate's chain; makes it HTTPS with HTTP/2.
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_cert: Option<PathBuf>,

        /// The certificate's key.
        #[arg(long, value_name = "FILE", requires = "tls_cert")]
        tls_key: Option<PathBuf>,

        /// The version of nginx, which decides how HTTP/2 is written (`nginx -v` tells it).
        #[arg(long, value_name = "X.Y.Z", default_value = "1.22.1", value_parser = version)]
        nginx_version: Version,
    },
    /// PgBouncer between the shop and PostgreSQL.
    Pgbouncer,
    /// What Prometheus scrapes, its rules and alerts.
    Prometheus,
    /// The dashboard for Grafana.
    Grafana,
    /// What the kernel should be told.
    Sysctl,
}

/// A program's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32, pub(crate) u32);

fn version(text: &str) -> Result<Version, String> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
        (Some(major), Some(minor), Some(patch), None) => Ok(Version(major, minor, patch)),
        _ => Err("write it like 1.22.1".to_owned()),
    }
}

/// `config …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting in force and where it comes from; secrets are not shown. Or tell everything that is wrong.
    Check {
        #[command(flatten)]
        listen: Listen,

        #[command(flatten)]
        traffic: Traffic,
    },
    /// Print the table of all settings, in Markdown.
    List,
}

impl Cli {
    /// What the flags say about settings.
    pub(crate) fn flags(&self) -> Flags {
        let listen = match &self.command {
            Command::Serve { listen, .. }
            | Command::Healthcheck { listen }
            | Command::Doctor { listen, .. }
            | Command::Config(ConfigCommand::Check { listen, .. }) => listen.listen.clone(),
            _ => None,
        };
        let traffic = match &self.command {
            Command::Serve { traffic, .. } | Command::Config(ConfigCommand::Check { traffic, .. }) => {
                traffic.traffic.clone()
            }
            _ => None,
        };
        Flags { config: self.config.clone(), data_dir: self.data_dir.clone(), listen, traffic }
    }
}

fn person_name(text: &str) -> Result<String, String> {
    match text.chars().count() {
        _ if text.contains('\0') => Err("it holds a NUL character".to_owned()),
        2..=100 => Ok(text.to_owned()),
        length => Err(format!("it must have 2 to 100 characters, this one has {length}")),
    }
}

fn phone(text: &str) -> Result<Phone, String> {
    Phone::parse(text).map_err(|error| format!("{error}; for example +998901234567"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_anywhere() {
        let cli =
            Cli::try_parse_from(["slippers", "seed", "--products", "5", "--data-dir", "/x", "--config", "c"]);
        let flags = cli.expect("good usage").flags();
        assert_eq!((flags.data_dir, flags.config), (Some("/x".into()), Some("c".into())));
        let cli = Cli::try_parse_from(["slippers", "--data-dir", "/x", "serve", "--listen", "[::]:1"]);
        assert_eq!(cli.expect("good usage").flags().listen.as_deref(), Some("[::]:1"));
    }

    #[test]
    fn wrong_usage_is_refused() {
        for words in [
            &["seed", "--products", "0"][..],
            &["seed", "--products", "10000001"],
            &["seed"],
            &["admin", "create", "--name", "A", "--phone", "+998901112233", "--password-stdin"],
            &["admin", "create", "--name", "Admin", "--phone", "998901112233", "--password-stdin"],
            &["migrate"],
            &["migrate", "down"],
            &[],
        ] {
            let error = Cli::try_parse_from(["slippers"].iter().chain(words)).expect_err("wrong usage");
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
