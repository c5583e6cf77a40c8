//! The documents of a body, as they are to be unpacked: attachments of DocumentReferences and DiagnosticReports, and Binaries.
//!
//! The body was taken before, so that nothing is checked here. Deliberately not here: whether documents are what they say
//! (document).

use std::ptr;

use super::document::decoded;
use super::json::{Json, Object};

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

/// Whether a body may carry documents. What only looks so costs one look into what was kept.
#[must_use]
pub fn may_be_in(body: &[u8]) -> bool {
    ["DocumentReference", "presentedForm", "Binary", "valueAttachment"]
        .iter()
        .any(|sign| memchr::memmem::find(body, sign.as_bytes()).is_some())
}

/// The documents of a body, wherever they stand in it; those that were withdrawn are none.
#[must_use]
pub fn carried(body: &Json<'_>) -> Vec<Carried> {
    let mut resources = Vec::new();
    collect(body, ("", None), &mut resources);
    let (mut found, mut used) = (Vec::new(), Vec::new());
    for resource in &resources {
        let object = resource.object;
        let (concept, attachments): (_, Vec<_>) = match object.text("resourceType") {
            "DocumentReference" => {
                ("type", object.objects("content").filter_map(|content| content.member("attachment")).collect())
            }
            "DiagnosticReport" => ("code", object.objects("presentedForm").collect()),
            "QuestionnaireResponse" => ("", answered(object)),
            _ => continue,
        };
        let stands = !["entered-in-error", "cancelled"].contains(&object.text("status"));
        let kind = object.member(concept);
        let codings = kind.into_iter().flat_map(|kind| kind.objects("coding"));
        let codes: Vec<String> = codings.map(|coding| coding.text("code").to_owned()).collect();
        let called = kind.map(|kind| kind.text("text")).unwrap_or_default();
        for attachment in attachments {
            let (title, url) = (attachment.text("title"), attachment.text("url"));
            let binary = resource.binary(url, &resources);
            used.extend(binary.map(|binary| ptr::from_ref(binary).addr()));
            let data = binary.unwrap_or(attachment).text("data");
            let one = Carried {
                codes: codes.clone(),
                title: if title.is_empty() { called } else { title }.to_owned(),
                bytes: Some(data).filter(|data| !data.is_empty()).and_then(decoded),
                address: if binary.is_some() { String::new() } else { url.to_owned() },
            };
            found.extend(Some(one).filter(|one| stands && (one.bytes.is_some() || !one.address.is_empty())));
        }
    }
    let alone = |resource: &&Resource<'_, '_>| {
        resource.object.text("resourceType") == "Binary" && !used.contains(&ptr::from_ref(resource.object).addr())
    };
    let alone = resources.iter().filter(alone).filter_map(|resource| decoded(resource.object.text("data")));
    let bare = |bytes| Carried { codes: Vec::new(), title: String::new(), bytes: Some(bytes), address: String::new() };
    found.extend(alone.filter(|bytes| !bytes.is_empty()).map(bare));
    found
}

/// The documents among the answers of a form, wherever they are nested.
fn answered<'o, 't>(above: &'o Object<'t>) -> Vec<&'o Object<'t>> {
    let mut found = Vec::new();
    for item in above.objects("item") {
        for answer in item.objects("answer") {
            found.extend(answer.member("valueAttachment"));
            found.extend(answered(answer));
        }
        found.extend(answered(item));
    }
    found
}

/// A resource, with what it can be referred to by.
struct Resource<'o, 't> {
    object: &'o Object<'t>,
    full_url: &'o str,
    holder: Option<&'o Object<'t>>,
}

impl<'o, 't> Resource<'o, 't> {
    /// The Binary that it refers to, where that was sent with it.
    fn binary(&self, url: &str, all: &[Self]) -> Option<&'o Object<'t>> {
        if let Some(id) = url.strip_prefix('#') {
            let holder = self.holder.unwrap_or(self.object);
            return holder.objects("contained").find(|inside| is_binary(inside) && inside.text("id") == id);
        }
        let id = url.strip_prefix("Binary/");
        let entries = || all.iter().filter(|one| one.holder.is_none() && is_binary(one.object));
        let named = entries().find(|one| !one.full_url.is_empty() && one.full_url == url);
        named.or_else(|| entries().find(|one| id.is_some_and(|id| one.is_known_by(id)))).map(|one| one.object)
    }

    fn is_known_by(&self, id: &str) -> bool {
        self.object.text("id") == id || self.full_url.rsplit_once("Binary/").is_some_and(|(_, told)| told == id)
    }
}

fn is_binary(object: &Object<'_>) -> bool {
    object.text("resourceType") == "Binary"
}

/// JSON nests no deeper than its reader allows.
fn collect<'o, 't>(
    json: &'o Json<'t>,
    (full_url, holder): (&'o str, Option<&'o Object<'t>>),
    all: &mut Vec<Resource<'o, 't>>,
) {
    match json {
        Json::List(list) => list.iter().for_each(|one| collect(one, (full_url, holder), all)),
        Json::Object(object) if !object.text("resourceType").is_empty() => {
            all.push(Resource { object, full_url, holder });
            for (name, member) in object.members() {
                collect(member, ("", (name == "contained").then_some(object)), all);
            }
        }
        Json::Object(object) => {
            let full_url = object.text("fullUrl");
            object.members().for_each(|(_, member)| collect(member, (full_url, None), all));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

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
    fn a_document_that_answers_a_question_is_one_also_in_a_group() {
        let body = r#"{"resourceType":"QuestionnaireResponse","item":[{"linkId":"g","item":[{"linkId":"scan","answer":[
            {"valueAttachment":{"title":"Letter","data":"SGVsbG8="}},{"valueString":"x","item":[{"linkId":"b","answer":[
            {"valueAttachment":{"data":"b3du"}}]}]}]}]}]}"#;
        let json = json::read(body.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        let found: Vec<(String, Vec<u8>)> =
            carried(&json).into_iter().map(|one| (one.title, one.bytes.expect("bytes"))).collect();
        assert_eq!(found, [("Letter".to_owned(), b"Hello".to_vec()), (String::new(), b"own".to_vec())]);
        assert!(may_be_in(body.as_bytes()));
    }

    #[test]
    fn a_binary_is_the_document_that_refers_to_it_and_else_one_by_itself() {
        let document = |url: &str, title: &str| {
            format!(
                r#"{{"resourceType":"DocumentReference","status":"current","content":[{{"attachment":{{"title":"{title}","url":"{url}"}}}}]}}"#
            )
        };
        let binary = |id: &str, data: &str| format!(r#"{{"resourceType":"Binary","id":"{id}","data":"{data}"}}"#);
        let within = format!(
            r##"{{"resourceType":"DocumentReference","status":"current","contained":[{}],"content":[{{"attachment":{{"title":"own","url":"#b1"}}}}]}}"##,
            binary("b1", "b3du")
        );
        let entries = [
            format!(r#"{{"fullUrl":"urn:uuid:7","resource":{}}}"#, binary("", "dXJu")),
            format!(r#"{{"resource":{}}}"#, binary("b1", "aWQ=")),
            format!(r#"{{"resource":{}}}"#, binary("b9", "YWxvbmU=")),
            format!(r#"{{"resource":{}}}"#, document("urn:uuid:7", "by urn")),
            format!(r#"{{"resource":{}}}"#, document("Binary/b1", "by id")),
            format!(r#"{{"resource":{within}}}"#),
            r#"{"resource":{"resourceType":"DiagnosticReport","status":"final","code":{"coding":[{"code":"11526-1"}],"text":"Pathology"},
                "presentedForm":[{"data":"Zm9ybQ=="}]}}"#.to_owned(),
        ];
        let body = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","));
        let json = json::read(body.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        let found: Vec<(String, String)> = carried(&json)
            .into_iter()
            .map(|one| (one.title, String::from_utf8(one.bytes.expect("bytes")).expect("text")))
            .collect();
        let expected = [("by urn", "urn"), ("by id", "id"), ("own", "own"), ("Pathology", "form"), ("", "alone")];
        assert_eq!(found, expected.map(|(title, text)| (title.to_owned(), text.to_owned())));
    }
}
