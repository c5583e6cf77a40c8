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
            let mut child = Command::new(python())
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
        text: part(0),
        html: part(1),
    }
}

/// A Python that has aiosmtpd: the system's own, or one made for tests.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let has = |python: &Path| {
            let asked = Plain::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        let system = PathBuf::from("python3");
        if has(&system) {
            return system;
        }
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd");
        let own = home.join("bin/python");
        if !has(&own) {
            let made = Plain::new("python3").args(["-m", "venv"]).arg(&home).status();
            let fetched = Plain::new(&own).args(["-m", "pip", "install", "--quiet", "aiosmtpd==1.4.6"]).status();
            let fine = made.is_ok_and(|status| status.success()) && fetched.is_ok_and(|status| status.success());
            assert!(fine, "no aiosmtpd: install Debian's python3-aiosmtpd, or python3-venv and a way to PyPI");
        }
        own
    })
}
