//! A partner office's system at the HL7 door, as it writes of one referral.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Installation;

/// A PDF of one page, in base64.
pub const PAPER: &str = "JVBERi0xLjQKMSAwIG9iajw8L1R5cGUvUGFnZT4+ZW5kb2JqCih3YWxrKQphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhCnRyYWlsZXI8PC9Sb290IDEgMCBSPj4Kc3RhcnR4cmVmCjkKJSVFT0YK";

/// Sends a message over MLLP and gives so many replies to it, one after the other.
pub async fn ask(line: &mut TcpStream, message: &str, replies: usize) -> String {
    line.write_all(&[b"\x0b", message.as_bytes(), b"\r\x1c\r"].concat()).await.expect("sent");
    let mut heard = Vec::new();
    let read = async {
        while heard.iter().filter(|byte| **byte == 0x1c).count() < replies {
            assert_ne!(line.read_buf(&mut heard).await.expect("read"), 0, "the door hung up");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("it is answered");
    String::from_utf8_lossy(&heard).into_owned()
}

/// The office, by the number that it gave to the referral.
pub struct Office {
    /// The number.
    pub number: &'static str,
}

impl Office {
    /// The referral: I12 sends it, I13 changes it, I15 asks where it stands.
    pub fn referral(&self, event: &str, control_id: &str) -> String {
        let number = self.number;
        [
            &format!("MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412103015-0500||REF^{event}^REF_I12|{control_id}|P|2.5.1|||AL|AL"),
            &format!("RF1|P|R^Routine^HL70280|Med||O|{number}^CEDARFM|20260412"),
            "PRD|RP^Referring Provider^HL70286|Okafor^Adaeze^^^Dr^MD^L|||^WPN^PH^^1^206^5550142",
            "PID|1||RB7^^^CEDARFM^MR||Testreferral^Marisol||19680719|F|||||^PRN^CP^^1^206^5550199",
            "DG1|1||C34.11^Upper lobe right bronchus^I10C|||W",
            "NTE|1|P|Evaluate and treat|1R^Primary Reason^HL70364",
        ]
        .join("\r")
    }

    /// A report that belongs to it, by the LOINC code of what it is.
    pub fn report(&self, control_id: &str, code: &str) -> String {
        let number = self.number;
        // Each paper is another one.
        let paper = PAPER.replacen("YWFh", &format!("YW{}", &control_id[control_id.len() - 2..]), 1);
        [
            &format!(
                "MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260413103015-0500||MDM^T02^MDM_T02|{control_id}|P|2.5.1"
            ),
            "PID|1||RB7^^^CEDARFM^MR||Testreferral^Marisol||19680719|F",
            &format!("OBR|1|{number}^CEDARFM|||||20260412"),
            &format!("OBX|1|ED|{code}^Report^LN||HUB^application^pdf^Base64^{paper}|||||||F"),
        ]
        .join("\r")
    }

    /// Sends, and expects that it was taken.
    pub async fn tell(&self, installation: &Installation, message: &str, replies: usize) -> String {
        let mut line = TcpStream::connect(installation.address("mllp")).await.expect("the HL7 door");
        let told = ask(&mut line, message, replies).await;
        assert!(told.contains("MSA|AA|"), "{told}");
        told
    }

    /// Where the referral stands, as the answer to the office's question says.
    pub async fn standing(&self, installation: &Installation, control_id: &str) -> String {
        let told = self.tell(installation, &self.referral("I15", control_id), 2).await;
        let standing = told.split("\rRF1|").nth(1).and_then(|rest| rest.split('^').next());
        standing.unwrap_or_else(|| panic!("no standing: {told}")).to_owned()
    }
}
