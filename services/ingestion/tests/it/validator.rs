//! Somebody else's opinion on our answers: the R4B models of fhir.resources, a Python library.
//!
//! It knows types, cardinalities and dates of FHIR, and we wrote none of it. It is taken from where modules are found, else from
//! PyPI into a folder of the tests. Deliberately not here: which answers there are (fhir).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WANTED: &str = "fhir.resources==8.3.0";

/// Reads one resource a line and tells those that are none.
const JUDGE: &str = r#"
import importlib, json, sys
faults = 0
for line in sys.stdin:
    resource = json.loads(line)
    kind = resource["resourceType"]
    model = getattr(importlib.import_module("fhir.resources.R4B." + kind.lower()), kind)
    try:
        model.model_validate(resource)
    except Exception as cause:
        faults += 1
        print(kind, cause)
print(faults, "faults")
sys.exit(1 if faults else 0)
"#;

/// Judges resources, one a line; what is wrong with them if anything is.
pub fn judge(resources: &[String]) -> Result<(), String> {
    let mut python = python();
    python.args(["-c", JUDGE]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().expect("python starts");
    child.stdin.take().expect("its input").write_all(resources.join("\n").as_bytes()).expect("written");
    let done = child.wait_with_output().expect("python ends");
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stdout).into_owned()) }
}

/// A Python that has the models.
fn python() -> Command {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let modules = home.join("fhir.resources");
    let with = |modules: Option<&PathBuf>| {
        let mut command = Command::new("python3");
        if let Some(modules) = modules {
            command.env("PYTHONPATH", modules);
        }
        command
    };
    let knows = |mut python: Command| {
        let asked = python.args(["-c", "import fhir.resources.R4B.task"]).stderr(Stdio::null()).stdout(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    if knows(with(None)) {
        return with(None);
    }
    std::fs::create_dir_all(home).expect("a folder for tests");
    let lock = std::fs::File::create(home.join("fhir.resources.lock")).expect("a lock file");
    lock.lock().expect("the only one that installs");
    if !knows(with(Some(&modules))) {
        // What an interrupted try left would be taken for the whole.
        let _ = std::fs::remove_dir_all(&modules);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&modules).arg(WANTED);
        let installed = pip.env("PIP_BREAK_SYSTEM_PACKAGES", "1").status().is_ok_and(|status| status.success());
        assert!(installed, "no {WANTED} for the check of answers: install python3-pip and see to a way to PyPI");
    }
    with(Some(&modules))
}
