//! Programs and libraries of npm that judge us or stand in for what others run, fetched once into a folder of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of a package such as `s3rver@3.7.1`, by its path in `node_modules`.
pub fn file(package: &str, path: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = package.split('@').next().unwrap_or(package);
    let folder = home.join(name);
    let file = folder.join("node_modules").join(path);
    std::fs::create_dir_all(&folder).expect("a folder for tests");
    let lock = std::fs::File::create(home.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("the only one that installs");
    if !file.exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(package);
        let installed = npm.status().is_ok_and(|status| status.success());
        assert!(installed && file.exists(), "no {package}: install nodejs and npm and see to a way to npm's packages");
    }
    file
}
