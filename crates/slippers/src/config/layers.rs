//! Where values come from: defaults < TOML file < `.env` < environment < flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::fault::{Fault, Source};
use super::table::{self, Kind, Meaning, Setting};
use super::{dotenv, file};
use crate::files;

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`
    pub(crate) config: Option<PathBuf>,
    /// `--data-dir`
    pub(crate) data_dir: Option<PathBuf>,
    /// `--listen`
    pub(crate) listen: Option<String>,
    /// `--traffic`
    pub(crate) traffic: Option<String>,
}

/// The world that the settings are read from; tests bring their own.
#[derive(Clone, Default)]
pub(crate) struct World {
    /// The command line.
    pub(crate) flags: Flags,
    /// The environment variables.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The working directory.
    pub(crate) working_dir: PathBuf,
}

impl World {
    /// The world as it is.
    pub(crate) fn real(flags: Flags) -> Self {
        Self { flags, environment: std::env::vars_os().collect(), working_dir: PathBuf::from(".") }
    }
}

/// A value as it was given. It never shows in a log: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) from: Source,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Given([redacted], from {})", self.from)
    }
}

/// All values that were given, each from the strongest source that has one.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    given: BTreeMap<&'static str, Given>,
    /// Accepted names that this version does not use, and where they stand.
    pub(crate) not_yet: BTreeMap<String, Source>,
    pub(crate) faults: Vec<Fault>,
}

impl Layers {
    /// Reads all sources.
    pub(crate) fn read(world: &World) -> Self {
        let mut layers = Self::default();
        if let Some(path) = &world.flags.config {
            layers.add_file(&world.working_dir, path);
        }
        layers.add_dotenv(&world.working_dir.join(".env"));
        layers.add_environment(&world.environment);
        let data_dir = world.flags.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned());
        for (setting, flag, text) in [
            (&table::DATA_DIR, "--data-dir", data_dir),
            (&table::LISTEN, "--listen", world.flags.listen.clone()),
            (&table::TRAFFIC, "--traffic", world.flags.traffic.clone()),
        ] {
            if let Some(text) = text {
                layers.put(setting, text, Source::Flag(flag));
            }
        }
        layers
    }

    /// The value that counts, and where it comes from.
    pub(crate) fn get(&self, setting: &Setting) -> Given {
        self.given(setting)
            .cloned()
            .unwrap_or(Given { text: setting.default.to_owned(), from: Source::Default })
    }

    /// The value that somebody gave.
    pub(crate) fn given(&self, setting: &Setting) -> Option<&Given> {
        self.given.get(setting.name)
    }

    fn add_file(&mut self, working_dir: &Path, path: &Path) {
        let from = Source::File(path.to_path_buf());
        match files::read_text(&working_dir.join(path)) {
            Ok(text) => match file::parse(&text) {
                Ok(pairs) => pairs.into_iter().for_each(|pair| self.add_from_file(pair, &from)),
                Err(what) => {
                    self.fault(
                        "--config",
                        from,
                        what,
                        "correct the file; each line is NAME = value, as in TOML",
                    );
                }
            },
            Err(error) => {
                let what = format!("can't be read: {error}");
                self.fault(
                    "--config",
                    from,
                    what,
                    "give the path of a readable TOML file, or leave the flag out",
                );
            }
        }
    }

    fn add_from_file(&mut self, (name, value): (String, Result<String, String>), from: &Source) {
        let text = match value {
            Ok(text) => text,
            Err(what) => {
                return self.fault(
                    &name,
                    from.clone(),
                    what,
                    "write a text, a number, true or false, or an array",
                );
            }
        };
        match table::look_up(&name) {
            Meaning::Used(setting)
                if self.given.get(setting.name).is_some_and(|given| given.from == *from) =>
            {
                let what = "stands twice, in different case";
                self.fault(&name, from.clone(), what.to_owned(), "keep one of the two lines");
            }
            Meaning::Used(setting) => self.put(setting, text, from.clone()),
            Meaning::NotYet => {
                self.not_yet.insert(name.to_ascii_uppercase(), from.clone());
            }
            Meaning::Unknown => {
                let fix = match table::nearest(&name) {
                    Some(meant) => format!("did you mean {meant}? Else take the line out"),
                    None => "take the line out; `slippers config list` names every setting".to_owned(),
                };
                self.fault(&name, from.clone(), "there is no such setting".to_owned(), &fix);
            }
        }
    }

    fn add_dotenv(&mut self, path: &Path) {
        let text = match files::read_text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                let what = format!("can't be read: {error}");
                let fix = "make it readable and UTF-8, or start elsewhere";
                return self.fault(".env", Source::DotEnv, what, fix);
            }
        };
        match dotenv::parse(&text) {
            Ok(pairs) => {
                pairs.into_iter().for_each(|(name, text)| self.add_variable(&name, text, &Source::DotEnv));
            }
            Err(fault) => {
                let what = format!("line {}: {}", fault.line, fault.what);
                self.fault(".env", Source::DotEnv, what, "close it on the same line");
            }
        }
    }

    fn add_environment(&mut self, environment: &[(OsString, OsString)]) {
        // Of names that differ in case only, the one in capitals wins: it sorts first, so it is put last.
        let mut sorted: Vec<_> = environment.iter().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        for (name, value) in sorted {
            let Some(name) = name.to_str() else { continue };
            match (value.to_str(), table::look_up(name)) {
                (Some(text), _) => self.add_variable(name, text.to_owned(), &Source::Environment),
                (None, Meaning::Used(_)) => {
                    let what = "is not UTF-8".to_owned();
                    self.fault(name, Source::Environment, what, "write it in UTF-8");
                }
                (None, _) => {}
            }
        }
    }

    /// A variable of another program is nothing to us.
    fn add_variable(&mut self, name: &str, text: String, from: &Source) {
        match table::look_up(name) {
            Meaning::Used(setting) => self.put(setting, text, from.clone()),
            Meaning::NotYet => {
                self.not_yet.insert(name.to_ascii_uppercase(), from.clone());
            }
            Meaning::Unknown => {}
        }
    }

    /// An empty value counts as none, except where it says something: no origins.
    fn put(&mut self, setting: &Setting, text: String, from: Source) {
        let name = setting.name;
        let empty_means_none = setting.kind == Kind::List || name == table::ALLOWED_ORIGIN_REGEX.name;
        if empty_means_none || !text.trim().is_empty() {
            self.given.insert(name, Given { text, from });
        }
    }

    fn fault(&mut self, name: &str, from: Source, what: String, fix: &str) {
        self.faults.push(Fault { name: name.to_owned(), from, what, fix: fix.to_owned() });
    }
}
