//! Documents that come with a referral (FHIR R4 DocumentReference): whether they are what they say.
//!
//! A document whose digest does not fit was changed on its way, and nobody can tell whether it is this patient's, so the
//! request is refused. Nothing is fetched from an address: one at the office itself is noted for people, any other could make
//! us knock at a door of somebody else's choice. Deliberately not here: unpacking, storing and showing documents.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::concept::Concept;
use super::element::Element;
use super::fault::{Class, Issue};

const STATUSES: [&str; 3] = ["current", "superseded", "entered-in-error"];

const EMPTY: &str = "The document has neither data nor url; the referral is taken without it";
const UNREADABLE: &str = "This is no base64: send the document again";
const CHANGED: &str = "The document is another than its hash tells (SHA-1, in base64): send it again with its own";
const CUT: &str = "The document is longer or shorter than its size tells: send it again";
const PROGRAM: &str = "The referral is taken. This attachment is a program and was put aside";
const ELSEWHERE: &str = "Documents are not fetched from this address: send the document itself as data";
const NOT_FETCHED: &str =
    "The address is noted for people and nothing is fetched from it: better send the document itself as data";

/// Checks a document, and tells it in one line for people; nothing where it was withdrawn.
#[must_use]
pub fn read(document: &Element<'_>, hosts: &[&str]) -> Option<String> {
    let status = document.mild_code("status", &STATUSES);
    if status == Some("entered-in-error") {
        return None;
    }
    let kind = Concept::below(document, "type");
    let mut parts = vec![kind.words().to_owned()];
    for content in document.children("content") {
        if let Some(attachment) = content.child("attachment") {
            check(&attachment, hosts);
            let told = [attachment.text("title"), attachment.text("contentType"), attachment.text("url")];
            parts.extend(told.into_iter().flatten().map(str::to_owned));
        }
    }
    if !document.has("content") {
        document.warn("content", Issue::Required, EMPTY);
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join(", "))
}

fn check(attachment: &Element<'_>, hosts: &[&str]) {
    if let Some(url) = attachment.text("url") {
        match is_at(url, hosts) {
            true => attachment.warn("url", Issue::Informational, NOT_FETCHED),
            false => attachment.error("url", Issue::Security, Class::Rule, ELSEWHERE),
        }
    }
    let Some(data) = attachment.text("data") else {
        if !attachment.has("url") {
            attachment.warn("", Issue::Required, EMPTY);
        }
        return;
    };
    let Some(bytes) = decoded(data) else {
        return attachment.error("data", Issue::Value, Class::Rule, UNREADABLE);
    };
    if attachment.number("size").is_some_and(|size| size.parse() != Ok(bytes.len())) {
        attachment.error("size", Issue::Value, Class::Rule, CUT);
    }
    let hash = attachment.text("hash").map(decoded);
    if hash.is_some_and(|hash| hash.as_deref() != Some(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref())) {
        attachment.error("hash", Issue::Value, Class::Rule, CHANGED);
    }
    // Programs of Windows and of Linux, and scripts that name what runs them.
    if [b"MZ".as_slice(), b"\x7fELF", b"#!/"].into_iter().any(|begin| bytes.starts_with(begin)) {
        attachment.warn("data", Issue::Security, PROGRAM);
        attachment.notes().oddity("document_is_program");
    }
}

/// Bytes in base64, in which lines may be broken.
fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let whole: String = text.split_ascii_whitespace().collect();
        return STANDARD.decode(whole).ok();
    }
    STANDARD.decode(text).ok()
}

/// Whether an address is at one of some hosts, by TLS, without anything in it that could lead elsewhere.
fn is_at(url: &str, hosts: &[&str]) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    hosts.iter().any(|host| !host.is_empty() && authority.eq_ignore_ascii_case(host))
}

/// The host of an address.
#[must_use]
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::json::{self, Json};
    use super::super::notes::{Notes, Path};
    use super::*;

    fn faults(attachment: &str) -> Vec<(String, &'static str, bool)> {
        let text = format!("{{\"status\":\"current\",\"content\":[{{\"attachment\":{attachment}}}]}}");
        let (json, notes) = (json::read(text.as_bytes()).expect("JSON"), Notes::default());
        let Json::Object(object) = &json else { panic!("no object") };
        let _ = read(&Element::resource(object, Path::of("D"), &notes), &["office.example"]);
        let (faults, _) = notes.into_parts();
        faults.into_iter().map(|fault| (fault.expression.clone(), fault.issue.code(), fault.refuses())).collect()
    }

    #[test]
    fn a_document_that_is_what_it_says_is_fine_also_with_broken_lines() {
        for fine in [
            r#"{"data":"SGVs\r\nbG8=","size":5,"hash":"9/+ei3uy4Jtwk1pdeF4MxdnQq/A="}"#,
            r#"{"data":"SGVsbG8="}"#,
            r#"{"data":"SGVsbG8=","size":5}"#,
        ] {
            let found = faults(fine);
            assert!(found.iter().all(|(_, _, refuses)| !refuses), "{fine}: {found:?}");
        }
    }

    #[test]
    fn a_document_that_was_changed_cut_or_lies_elsewhere_is_refused_with_its_place() {
        for (odd, place, issue) in [
            (r#"{"data":"SGVsbG8=","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#, "hash", "value"),
            (r#"{"data":"SGVsbG8=","hash":"no"}"#, "hash", "value"),
            (r#"{"data":"SGVsbG8=","size":6}"#, "size", "value"),
            (r#"{"data":"%%%"}"#, "data", "value"),
            (r#"{"url":"http://169.254.169.254/latest/meta-data/"}"#, "url", "security"),
            (r#"{"url":"https://office.example@evil.example/a"}"#, "url", "security"),
            (r#"{"url":"https://office.example:8443/a"}"#, "url", "security"),
            (r#"{"url":"https://office.example.evil.example/a"}"#, "url", "security"),
            (r#"{"url":"https://evil.example\\@office.example/a"}"#, "url", "security"),
            (r#"{"url":"file:///etc/passwd"}"#, "url", "security"),
        ] {
            let expected = (format!("D.content[0].attachment.{place}"), issue, true);
            assert!(faults(odd).contains(&expected), "{odd}: {:?}", faults(odd));
        }
        assert!(!faults(r#"{"url":"https://office.example/d/7"}"#)[0].2);
        assert_eq!(faults(r#"{"data":"TVqQAAMAAAAEAAAA"}"#)[0].1, "security");
        assert_eq!(faults(r#"{"title":"x"}"#)[0].1, "required");
    }

    #[test]
    fn a_host_is_what_stands_between_scheme_and_path() {
        assert_eq!(
            (host("https://a.example/fhir"), host("a.example"), host("https://a.example:8/x")),
            ("a.example", "", "a.example")
        );
    }
}
