//! Message templates as text: which file is what, and the front matter of the plain-text part.
//!
//! A message has a plain-text part, which carries the subject, and may have an HTML part. A name that ends in `-sms` is a
//! text message. Deliberately not here: filling in the gaps; the notification service does that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use crate::fault::Fault;
use crate::script::front_matter;

/// Mark in a template before the sentence that tells the next step.
pub const NEXT_STEP_MARK: &str = "{# next step #}";

/// One message in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Name, such as `confirmation` or `confirmation-sms`.
    pub name: String,
    /// Language code.
    pub language: String,
    /// Subject line, for e-mail.
    pub subject: Option<String>,
    /// Plain-text part.
    pub text: String,
    /// HTML part.
    pub html: Option<String>,
}

impl Template {
    /// Whether it is a text message.
    #[must_use]
    pub fn is_sms(&self) -> bool {
        self.name.ends_with("-sms")
    }
}

/// Reads every template of a bundle.
pub(super) fn read_all(bundle: &Bundle, faults: &mut Vec<Fault>) -> BTreeMap<(String, String), Template> {
    let mut templates: BTreeMap<(String, String), Template> = BTreeMap::new();
    for (path, text) in &bundle.files {
        let Some((language, name, extension)) = template_path(path) else { continue };
        let template = templates.entry((language.to_owned(), name.to_owned())).or_default();
        (template.language, template.name) = (language.to_owned(), name.to_owned());
        if extension == "html" {
            template.html = Some(text.clone());
        } else {
            let front = front_matter(text);
            template.subject = front.entries.get("subject").map(|subject| (*subject).to_owned());
            front.body.trim_start().clone_into(&mut template.text);
        }
    }
    for template in templates.values().filter(|template| template.text.trim().is_empty()) {
        faults.push(Fault {
            file: format!("templates/{}/{}.html", template.language, template.name),
            line: 1,
            what: "the message has no plain-text part".into(),
            remedy: format!("add templates/{}/{}.txt", template.language, template.name),
            example: None,
        });
    }
    templates
}

/// Splits `templates/en/confirmation.txt` into language, name and extension.
pub(super) fn template_path(path: &str) -> Option<(&str, &str, &str)> {
    let (language, file) = path.strip_prefix("templates/")?.split_once('/')?;
    let (name, extension) = file.rsplit_once('.')?;
    (matches!(extension, "txt" | "html") && !name.contains('/')).then_some((language, name, extension))
}
