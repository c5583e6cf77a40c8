//! Documents that come with a referral (FHIR R4 DocumentReference): whether they are what they say.
//!
//! A document whose digest does not fit was changed on its way, and nobody can tell whether it is this patient's, so the
//! request is refused. Nothing is fetched from an address: one at the office itself is noted for people, any other could make
//! us knock at a door of somebody else's choice. Deliberately not here: taking documents out of a body (carried), storing and
//! showing them.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::concept::Concept;
use super::details::WITHDRAWN;
use super::element::Element;
use super::fault::{Class, Issue};
use super::json::Object;
use super::reference::Resolver;

const STATUSES: [&str; 3] = ["current", "superseded", "entered-in-error"];

const EMPTY: &str = "The document has neither data nor url; the referral is taken without it";
const UNREADABLE: &str = "This is no base64: send the document again";
const CHANGED: &str = "The document is another than its hash tells (SHA-1, in base64): send it again with its own";
const CUT: &str = "The document is longer or shorter than its size tells: send it again";
const PROGRAM: &str = "The referral is taken. This attachment is a program and was put aside";
const ELSEWHERE: &str = "Documents are not fetched from this address: send the document itself as data";
const DANGLING: &str = "The address leads nowhere: send the Binary in the same request, under this address";
const NOT_FETCHED: &str =
    "The address is noted for people and nothing is fetched from it: better send the document itself as data";

/// What is looked at to tell whether a document is what it says.
pub struct Scope<'s, 't> {
    /// The resources of the request, where some are sent with it.
    pub resolver: Option<&'s Resolver<'s, 't>>,
    /// Hosts of addresses at the office itself.
    pub hosts: &'s [&'s str],
}

/// The lines of all that carries documents. A Binary to which another one leads is told there.
#[must_use]
pub fn lines(documents: &[Element<'_>], scope: &Scope<'_, '_>) -> Vec<String> {
    let urls = |document: &Element<'_>| -> Vec<String> {
        let contents = document.object().objects("content").filter_map(|content| content.member("attachment"));
        let all = contents.chain(document.object().objects("presentedForm"));
        let own = scope.resolver.map(|resolver| resolver.within(document));
        let sent = all.filter_map(|attachment| own.as_ref()?.look(attachment.text("url")));
        sent.map(|sent| sent.path().to_string()).collect()
    };
    let told: HashSet<String> = documents.iter().flat_map(urls).collect();
    let own = documents.iter().filter(|one| one.kind() != "Binary" || !told.contains(&one.path().to_string()));
    own.filter_map(|one| read(one, scope)).collect()
}

/// Checks what carries documents, and tells them in one line for people; nothing where it was withdrawn.
#[must_use]
pub fn read(document: &Element<'_>, scope: &Scope<'_, '_>) -> Option<String> {
    let attachments = match document.kind() {
        "DiagnosticReport" => document.children("presentedForm"),
        "Binary" => {
            checked(document, None);
            return document.text("contentType").map(str::to_owned);
        }
        _ => {
            if document.mild_code("status", &STATUSES) == Some("entered-in-error") {
                document.warn("status", Issue::BusinessRule, WITHDRAWN);
                return None;
            }
            if !document.has("content") {
                document.warn("content", Issue::Required, EMPTY);
            }
            document.children("content").iter().filter_map(|content| content.child("attachment")).collect()
        }
    };
    if document.kind() == "DiagnosticReport" && (attachments.is_empty() || is_withdrawn(document.object())) {
        return None;
    }
    let kind = Concept::below(document, if document.kind() == "DiagnosticReport" { "code" } else { "type" });
    let mut parts = vec![kind.words().to_owned()];
    for attachment in attachments {
        let is_sent = check(document, &attachment, scope);
        let url = attachment.text("url").filter(|_| !is_sent);
        let told = [attachment.text("title"), attachment.text("contentType"), url];
        parts.extend(told.into_iter().flatten().map(str::to_owned));
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join(", "))
}

/// Checks the documents among the answers of a form, wherever they are nested.
pub fn answered(above: &Element<'_>, scope: &Scope<'_, '_>) {
    for item in above.children("item") {
        answered(&item, scope);
        for answer in item.children("answer") {
            if let Some(attachment) = answer.child("valueAttachment") {
                check(above, &attachment, scope);
            }
            answered(&answer, scope);
        }
    }
}

fn is_withdrawn(document: &Object<'_>) -> bool {
    ["entered-in-error", "cancelled"].contains(&document.text("status"))
}

/// Checks an attachment; whether the document itself was sent with the request, under the address that is told.
fn check(document: &Element<'_>, attachment: &Element<'_>, scope: &Scope<'_, '_>) -> bool {
    let url = attachment.text("url");
    let own = scope.resolver.map(|resolver| resolver.within(document));
    let sent = url.and_then(|url| own.as_ref()?.look(url)).filter(|sent| sent.kind() == "Binary");
    if let Some(sent) = sent {
        checked(&sent, Some(attachment));
        return true;
    }
    // What is sent to be checked alone has its Binary elsewhere.
    match url.filter(|url| own.is_some() || url.contains("://") || url.starts_with("file:")) {
        Some(url) if url.starts_with("urn:") || url.starts_with('#') => {
            attachment.error("url", Issue::NotFound, Class::Rule, DANGLING);
        }
        Some(url) if is_at(url, scope.hosts) => attachment.warn("url", Issue::Informational, NOT_FETCHED),
        Some(_) => attachment.error("url", Issue::Security, Class::Rule, ELSEWHERE),
        None => {}
    }
    if attachment.has("data") {
        checked(attachment, Some(attachment));
    } else if url.is_none() {
        attachment.warn("", Issue::Required, EMPTY);
    }
    false
}

/// Checks bytes against what is told of them.
fn checked(holder: &Element<'_>, told: Option<&Element<'_>>) {
    let Some(data) = holder.text("data") else { return holder.warn("data", Issue::Required, EMPTY) };
    let Some(bytes) = decoded(data) else {
        return holder.error("data", Issue::Value, Class::Rule, UNREADABLE);
    };
    if let Some(told) = told {
        if told.number("size").is_some_and(|size| size.parse() != Ok(bytes.len())) {
            told.error("size", Issue::Value, Class::Rule, CUT);
        }
        let hash = told.text("hash").map(decoded);
        if hash.is_some_and(|hash| hash.as_deref() != Some(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref())) {
            told.error("hash", Issue::Value, Class::Rule, CHANGED);
        }
    }
    // Programs of Windows and of Linux, and scripts that name what runs them.
    if [b"MZ".as_slice(), b"\x7fELF", b"#!/"].into_iter().any(|begin| bytes.starts_with(begin)) {
        holder.warn("data", Issue::Security, PROGRAM);
        holder.notes().oddity("document_is_program");
    }
}

/// Bytes in base64, in which lines may be broken.
#[must_use]
pub fn decoded(text: &str) -> Option<Vec<u8>> {
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
        let scope = Scope { resolver: None, hosts: &["office.example"] };
        let _ = read(&Element::resource(object, Path::of("D"), &notes), &scope);
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
