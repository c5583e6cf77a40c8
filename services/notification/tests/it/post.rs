//! A real mail server that others wrote (aiosmtpd), and what it took.

use std::path::{Path, PathBuf};
use std::process::{Command as Plain, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::MailHeaderMap as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A mail as it came in.
#[derive(Debug, Clone)]
pub struct Taken {
    pub to: String,
    pub subject: String,
    pub message_id: String,
    pub stop: String,
    pub text: String,
    pub html: String,
}

pub struct MailServer {
    child: Option<Child>,
    pub port: u16,
    file: PathBuf,
}

impl MailServer {
    pub async fn start(folder: &Path) -> Self {
        let file = folder.join("mails.jsonl");
        std::fs::write(&file, "").expect("a file for mails");
        let mut server = Self { child: None, port: 0, file };
        server.up().await;
        server
    }

    /// Starts it, on the port that it had before.
    pub async fn up(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail_server.py");
        for _ in 0..50 {
            let mut child = Command::from(python().command())
                .arg(&script)
                .arg(self.port.to_string())
                .arg(&self.file)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("python starts");
            let mut line = String::new();
            let mut output = BufReader::new(child.stdout.take().expect("its output"));
            output.read_line(&mut line).await.expect("its port");
            if let Ok(port) = line.trim().parse() {
                (self.port, self.child) = (port, Some(child));
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the mail server does not start");
    }

    /// Ends it as a power cut would.
    pub async fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("killed");
        }
    }

    pub fn taken(&self) -> Vec<Taken> {
        let text = std::fs::read_to_string(&self.file).expect("the file of mails");
        let whole = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        whole.map(|line| read(&line)).collect()
    }

    pub fn taken_by(&self, to: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|mail| mail.to == to).collect()
    }
}

fn read(line: &serde_json::Value) -> Taken {
    let bytes = STANDARD.decode(line["mail"].as_str().expect("a mail")).expect("base64");
    let mail = mailparse::parse_mail(&bytes).expect("a mail");
    let header = |name: &str| mail.headers.get_first_value(name).unwrap_or_default();
    let part = |place: usize| mail.subparts.get(place).map(|part| part.get_body().expect("a body")).unwrap_or_default();
    Taken {
        to: line["to"].as_str().expect("a recipient").to_owned(),
        subject: header("Subject"),
        message_id: header("Message-ID"),
        stop: header("List-Unsubscribe").trim_matches(['<', '>']).to_owned(),
        // A mail to staff has the plain part alone.
        text: if mail.subparts.is_empty() { mail.get_body().expect("a body") } else { part(0) },
        html: part(1),
    }
}

/// A Python that has aiosmtpd, and where else it looks for modules.
struct Python {
    program: &'static str,
    modules: Option<PathBuf>,
}

/// The first in the path may be one that somebody built; what Debian packages belongs to Debian's own.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

impl Python {
    fn command(&self) -> Plain {
        let mut command = Plain::new(self.program);
        if let Some(modules) = &self.modules {
            command.env("PYTHONPATH", modules);
        }
        command
    }

    fn with_module(modules: Option<&Path>) -> Option<Self> {
        let all = PYTHONS.map(|program| Self { program, modules: modules.map(Path::to_owned) });
        all.into_iter()
            .find(|python| works(python.command().args(["-c", "import aiosmtpd.smtp"]).stderr(Stdio::null())))
    }
}

fn works(command: &mut Plain) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The system's own, or Debian's with Debian's package, or any with modules from PyPI in a folder of the tests. A venv
/// would need a package that a bare Debian lacks.
fn python() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let modules = home.join("aiosmtpd");
        let find = || Python::with_module(None).or_else(|| Python::with_module(Some(&modules)));
        if let Some(python) = find() {
            return python;
        }
        std::fs::create_dir_all(home).expect("a folder for tests");
        let lock = std::fs::File::create(home.join("aiosmtpd.lock")).expect("a lock file");
        lock.lock().expect("the only one that installs");
        // Another process may have installed it by now.
        find().or_else(from_debian).or_else(|| from_pypi(&modules)).expect(
            "no aiosmtpd for the test mail server: install Debian's python3-aiosmtpd, or python3-pip and a way to PyPI",
        )
    })
}

fn from_debian() -> Option<Python> {
    let root = Plain::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let apt = |args: &[&str]| {
        let mut command = Plain::new("apt-get");
        works(
            command.args(["-qq", "-o", "DPkg::Lock::Timeout=120"]).args(args).env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    if !root || !works(Plain::new("apt-get").arg("--version")) {
        return None;
    }
    // An update that fails in part may still do.
    apt(&["update"]);
    apt(&["install", "-y", "--no-install-recommends", "python3-aiosmtpd"]);
    Python::with_module(None)
}

fn from_pypi(modules: &Path) -> Option<Python> {
    PYTHONS.into_iter().find_map(|program| {
        // What an interrupted try left would be taken for the whole.
        let _ = std::fs::remove_dir_all(modules);
        let mut pip = Plain::new(program);
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(modules).arg("aiosmtpd==1.4.6");
        works(pip.env("PIP_BREAK_SYSTEM_PACKAGES", "1")).then(|| Python::with_module(Some(modules))).flatten()
    })
}
