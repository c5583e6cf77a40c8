//! The key files: one master key for sealing and links, and one key pair per service for tokens.
//!
//! In development a missing key is made; many processes may start at once, so it is written beside and linked into place, and whoever
//! comes second reads what the first one made. In production a missing key is refused with the command that makes it: a key that
//! appears by itself would seal records that nobody can open tomorrow.
//!
//! Deliberately not here: rotation, which is an operator's procedure.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway_runtime::Mode;
use thiserror::Error;

/// A key can't be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Production makes no keys.
    #[error("key file {path} is missing: make it with `{remedy}` and keep a copy in a safe place")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The command that makes it.
        remedy: String,
    },
    /// The file system refused.
    #[error("could not use key file {path}: {cause}; check that this user may read it")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The content is no such key.
    #[error("key file {path} does not hold {expected}: make it again with `{remedy}`")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// The command that makes it.
        remedy: String,
    },
    /// Everybody on the machine could read it.
    #[error("key file {path} can be read by everybody: run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// A service's name would leave the directory.
    #[error("'{name}' is not a service name: use lower case letters, digits and dashes")]
    Name {
        /// What was given.
        name: String,
    },
    /// Only development may go without.
    #[error("{what} is for development only: set runtime.mode = \"development\" or leave it out")]
    DevelopmentOnly {
        /// What was asked for.
        what: &'static str,
    },
    /// The machine gave no randomness.
    #[error("could not get random bytes from the system")]
    Random,
}

/// The master key, spread to its purposes.
pub(crate) struct Master {
    root: Prk,
}

impl Master {
    pub(crate) fn open(dir: &Path, mode: Mode) -> Result<Self, KeyError> {
        let path = dir.join("master.key");
        let remedy = format!("openssl rand -hex 32 > {}", path.display());
        let text = read_or_make(&path, mode, &remedy, || {
            let mut key = [0_u8; 32];
            rand::fill(&mut key).map_err(|_| KeyError::Random)?;
            Ok(hex::encode(key))
        })?;
        let key = hex::decode(text.trim()).unwrap_or_default();
        if key.len() != 32 {
            return Err(KeyError::Content { path, expected: "32 bytes in hex", remedy });
        }
        Ok(Self { root: Salt::new(HKDF_SHA256, b"causeway-master-1").extract(&key) })
    }

    /// 32 bytes that belong to this purpose and this center alone.
    pub(crate) fn derive(&self, purpose: &str, center: &str) -> Result<[u8; 32], KeyError> {
        let info = [purpose.as_bytes(), &[0], center.as_bytes()];
        let mut key = [0; 32];
        self.root.expand(&info, HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).map_err(|_| KeyError::Random)?;
        Ok(key)
    }
}

/// The private key of a service as PKCS#8 PEM; its public key is written beside it when missing.
pub(crate) fn service_key(dir: &Path, service: &str, mode: Mode) -> Result<String, KeyError> {
    let path = private_path(dir, service)?;
    let remedy = format!("openssl genpkey -algorithm ed25519 -out {}", path.display());
    let pem = read_or_make(&path, mode, &remedy, || {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::Random)?;
        Ok(armoured("PRIVATE KEY", der.as_ref()))
    })?;
    let public = public_path(dir, service)?;
    if mode.is_development() && !public.exists() {
        let text = public_of(&pem).ok_or(KeyError::Content { path, expected: "an Ed25519 private key", remedy })?;
        place(&public, &text, 0o644)?;
    }
    Ok(pem)
}

/// The public key of a service as PEM; none when no such file exists.
pub(crate) fn public_key(dir: &Path, service: &str) -> Result<Option<String>, KeyError> {
    let path = public_path(dir, service)?;
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(KeyError::File { path, cause }),
    }
}

pub(crate) fn private_path(dir: &Path, service: &str) -> Result<PathBuf, KeyError> {
    checked(service).map(|name| dir.join(format!("service-{name}.key")))
}

pub(crate) fn public_path(dir: &Path, service: &str) -> Result<PathBuf, KeyError> {
    checked(service).map(|name| dir.join(format!("service-{name}.pub")))
}

/// The name comes from a token's header, so it must not be able to name another file.
fn checked(name: &str) -> Result<&str, KeyError> {
    let fits = !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    fits.then_some(name).ok_or_else(|| KeyError::Name { name: name.chars().take(40).collect() })
}

pub(crate) fn public_of(private_pem: &str) -> Option<String> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&unarmoured(private_pem)?).ok()?;
    let der = pair.public_key().as_der().ok()?;
    Some(armoured("PUBLIC KEY", der.as_ref()))
}

fn read_or_make(
    path: &Path,
    mode: Mode,
    remedy: &str,
    make: impl FnOnce() -> Result<String, KeyError>,
) -> Result<String, KeyError> {
    if let Some(text) = read_private(path, mode)? {
        return Ok(text);
    }
    let missing = || KeyError::Missing { path: path.to_owned(), remedy: remedy.to_owned() };
    if !mode.is_development() {
        return Err(missing());
    }
    place(path, &make()?, 0o600)?;
    read_private(path, mode)?.ok_or_else(missing)
}

fn read_private(path: &Path, mode: Mode) -> Result<Option<String>, KeyError> {
    let file_error = |cause| KeyError::File { path: path.to_owned(), cause };
    let rights = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(file_error(cause)),
    };
    if !mode.is_development() && rights & 0o007 != 0 {
        return Err(KeyError::Open { path: path.to_owned() });
    }
    fs::read_to_string(path).map(Some).map_err(file_error)
}

/// Writes beside and links into place: a reader never sees half a file, and the first of several writers wins.
fn place(path: &Path, text: &str, rights: u32) -> Result<(), KeyError> {
    let placed = (|| {
        if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
            fs::create_dir_all(dir)?;
            fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        }
        let mut suffix = [0_u8; 8];
        rand::fill(&mut suffix).map_err(|_| io::Error::other("no random bytes"))?;
        let beside = path.with_extension(format!("{}.new", hex::encode(suffix)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(rights).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        match linked {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(cause),
            _ => Ok(()),
        }
    })();
    placed.map_err(|cause| KeyError::File { path: path.to_owned(), cause })
}

fn armoured(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = tail;
    }
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}

pub(crate) fn unarmoured(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory that nobody else uses.
    pub(crate) fn fresh_dir() -> PathBuf {
        let name = causeway_runtime::Clock::system().new_id();
        std::env::temp_dir().join(format!("causeway-keys-{name}"))
    }

    #[test]
    fn production_refuses_a_missing_key_by_file_and_command() {
        let dir = fresh_dir();
        let text = Master::open(&dir, Mode::Production).err().expect("missing").to_string();
        assert!(text.contains("master.key") && text.contains("openssl rand -hex 32"), "{text}");
        let text = service_key(&dir, "routing", Mode::Production).expect_err("missing").to_string();
        assert!(text.contains("service-routing.key") && text.contains("openssl genpkey"), "{text}");
        assert!(!dir.exists(), "production must not make anything");
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        let dir = fresh_dir();
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Master::open(&dir, Mode::Development)?.derive("x", "y"))).collect();
            starts.into_iter().map(|start| start.join().expect("thread").expect("key")).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
        let rights = fs::metadata(dir.join("master.key")).expect("made").permissions().mode();
        assert_eq!(rights & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).expect("list").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn production_refuses_a_key_that_everybody_can_read_and_one_that_is_none() {
        let dir = fresh_dir();
        Master::open(&dir, Mode::Development).expect("made");
        let path = dir.join("master.key");
        assert!(Master::open(&dir, Mode::Production).is_ok());
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(Master::open(&dir, Mode::Production), Err(KeyError::Open { .. })));
        fs::write(&path, "abcd").expect("write");
        assert!(matches!(Master::open(&dir, Mode::Development), Err(KeyError::Content { .. })));
    }

    #[test]
    fn a_service_name_can_not_leave_the_directory() {
        for name in ["../etc", "", "a/b", "A", "x.y"] {
            assert!(public_key(Path::new("/nowhere"), name).is_err(), "{name}");
        }
    }
}
