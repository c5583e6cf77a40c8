//! Documents that come with a referral (FHIR R4 DocumentReference): whether they are what they say.
//!
//! A document whose digest does not fit was changed on its way, and nobody can tell whether it is this patient's, so the
//! request is refused. Nothing is fetched from an address: one at the office itself is noted for people, any other could make
//! us knock at a door of somebody else's choice. Deliberately not here: storing and showing documents.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::concept::Concept;
use super::element::Element;
use super::fault::{Class, Issue};
use super::json::{Json, Object};

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

/// A document as it was sent. PHI: no `Debug`.
pub struct Carried {
    /// Codes of what kind it is, in their order.
    pub codes: Vec<String>,
    /// What it is called.
    pub title: String,
    /// Its bytes, where they were sent.
    pub bytes: Option<Vec<u8>>,
    /// Where it lies, where an address was sent.
    pub address: String,
}

/// The documents of a body, wherever they stand in it; those that were withdrawn are none.
#[must_use]
pub fn carried(body: &Json<'_>) -> Vec<Carried> {
    let mut found = Vec::new();
    look_into(body, &mut found);
    found
}

/// JSON nests no deeper than its reader allows.
fn look_into(json: &Json<'_>, found: &mut Vec<Carried>) {
    match json {
        Json::List(all) => all.iter().for_each(|one| look_into(one, found)),
        Json::Object(object) if text(object, "resourceType") == "DocumentReference" => {
            let stands = text(object, "status") != "entered-in-error";
            found.extend(stands.then(|| attachments(object)).into_iter().flatten());
        }
        Json::Object(object) => object.members().for_each(|(_, member)| look_into(member, found)),
        _ => {}
    }
}

fn attachments(document: &Object<'_>) -> Vec<Carried> {
    let kind = member(document, "type");
    let codings = kind.and_then(|kind| kind.get("coding"));
    let codes: Vec<String> = objects(codings).map(|coding| text(coding, "code").to_owned()).collect();
    let called = kind.map(|kind| text(kind, "text")).unwrap_or_default();
    let attachments = objects(document.get("content")).filter_map(|content| member(content, "attachment"));
    let read = attachments.map(|attachment| {
        let title = text(attachment, "title");
        Carried {
            codes: codes.clone(),
            title: if title.is_empty() { called } else { title }.to_owned(),
            bytes: Some(text(attachment, "data")).filter(|data| !data.is_empty()).and_then(decoded),
            address: text(attachment, "url").to_owned(),
        }
    });
    read.filter(|one| one.bytes.is_some() || !one.address.is_empty()).collect()
}

fn member<'o, 't>(object: &'o Object<'t>, name: &str) -> Option<&'o Object<'t>> {
    match object.get(name) {
        Some(Json::Object(member)) => Some(member),
        _ => None,
    }
}

fn objects<'o, 't>(list: Option<&'o Json<'t>>) -> impl Iterator<Item = &'o Object<'t>> {
    let all = match list {
        Some(Json::List(all)) => all.as_slice(),
        _ => &[],
    };
    all.iter().filter_map(|one| match one {
        Json::Object(object) => Some(object),
        _ => None,
    })
}

fn text<'o>(object: &'o Object<'_>, name: &str) -> &'o str {
    match object.get(name) {
        Some(Json::Text(text)) => text,
        _ => "",
    }
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
    use super::super::json;
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
    fn documents_are_found_wherever_they_stand_with_their_codes_and_not_where_they_were_withdrawn() {
        let document = |status: &str, attachment: &str| {
            format!(
                r#"{{"resourceType":"DocumentReference","status":"{status}","type":{{"coding":[{{"code":"11526-1"}}],"text":"Report"}},
                "content":[{{"attachment":{attachment}}}]}}"#
            )
        };
        let body = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":"Patient"}}}},{{"resource":{}}},{{"resource":
            {{"resourceType":"ServiceRequest","contained":[{},{},{}]}}}}]}}"#,
            document("current", r#"{"title":"Biopsy","data":"SGVs\nbG8="}"#),
            document("current", r#"{"url":"https://office.example/d/7"}"#),
            document("entered-in-error", r#"{"data":"SGVsbG8="}"#),
            document("current", r#"{"title":"nothing"}"#),
        );
        let json = json::read(body.as_bytes()).expect("JSON");
        let found = carried(&json);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].title.as_str(), found[0].codes.as_slice()), ("Biopsy", ["11526-1".to_owned()].as_slice()));
        assert_eq!(found[0].bytes.as_deref(), Some(b"Hello".as_slice()));
        assert_eq!((found[1].title.as_str(), found[1].address.as_str()), ("Report", "https://office.example/d/7"));
        assert!(found[1].bytes.is_none());
    }

    #[test]
    fn a_host_is_what_stands_between_scheme_and_path() {
        assert_eq!(
            (host("https://a.example/fhir"), host("a.example"), host("https://a.example:8/x")),
            ("a.example", "", "a.example")
        );
    }
}
