//! What the queues of a center's phone system mean: data, approved by a person at the center.
//!
//! A phone system knows numbers and queues, and no form. So each feed of calls says which queue asks for care, by which form and
//! in which language, and which one is none of intake's business. Which team works it is routing's, by what the queue tells (kind
//! of help, cancer area, site). Deliberately not here: reading a call (ingestion).

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::form::Form;
use crate::inquiry::{CancerArea, ConsultType, is_fit_key};

/// Near which text, what, and the remedy.
type Wrong = (String, String, String);

/// How the calls of one feed are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneMapping {
    /// Minutes after the end of an answered call by which somebody has entered it; then it waits on the list of calls. A call
    /// of which no end is told waits there after the same time.
    pub entry_minutes: u32,
    /// Its queues. A call of another queue waits for a person.
    #[serde(rename = "queue")]
    pub queues: Vec<CallQueue>,
}

impl Default for PhoneMapping {
    fn default() -> Self {
        Self { entry_minutes: 15, queues: Vec::new() }
    }
}

/// One queue of a phone system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallQueue {
    /// As the phone system names it.
    pub id: String,
    /// As staff call it; empty: its id.
    pub name: String,
    /// Its calls are not for intake: they are kept and counted, and nothing is made of them.
    pub ignore: bool,
    /// The form whose questions are asked; none: the one for the kind of help, else the one that asks for it.
    pub form: Option<String>,
    /// What kind of help its callers want.
    pub consult_type: Option<ConsultType>,
    /// What its callers ask about.
    pub cancer_area: Option<CancerArea>,
    /// The language that is spoken; none: the center's first.
    pub language: Option<String>,
    /// The site whose queue it is.
    pub site: Option<String>,
}

impl PhoneMapping {
    /// A queue by the phone system's name for it.
    #[must_use]
    pub fn queue(&self, id: &str) -> Option<&CallQueue> {
        self.queues.iter().find(|queue| queue.id == id)
    }

    /// What is wrong with it.
    pub(super) fn faults(&self, profile: &Profile) -> Vec<Wrong> {
        let mut faults = Vec::new();
        let mut fault =
            |near: &str, what: String, remedy: &str| faults.push((near.to_owned(), what, remedy.to_owned()));
        if !(1..=24 * 60).contains(&self.entry_minutes) {
            let what = "entry_minutes is not between a minute and a day".to_owned();
            fault("entry_minutes", what, "write the minutes within which a call is usually entered, such as 15");
        }
        if self.queues.iter().all(|queue| queue.ignore) {
            let what = "no queue is for intake".to_owned();
            fault("feed.phone", what, "add [[feed.phone.queue]] with the id by which the phone system names it");
        }
        for (place, queue) in self.queues.iter().enumerate() {
            if !is_fit_key(&queue.id) {
                let what = format!("the queue at place {} has no id that a phone system could send", place + 1);
                fault("feed.phone.queue", what, "write its id of 1 to 128 characters");
            }
            if self.queues[..place].iter().any(|other| other.id == queue.id) {
                fault(&queue.id, format!("the queue \"{}\" stands there twice", queue.id), "take one of them away");
            }
            if let Some((near, what, remedy)) = queue.fault(profile) {
                fault(&near, format!("the queue \"{}\" {what}", queue.id), &remedy);
            }
        }
        faults
    }
}

impl CallQueue {
    /// As staff call it.
    #[must_use]
    pub fn words(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }

    /// The form whose questions its callers are asked.
    #[must_use]
    pub fn form<'p>(&self, profile: &'p Profile) -> Option<&'p Form> {
        let forms = || profile.forms.values();
        match &self.form {
            Some(id) => profile.form(id),
            None => forms()
                .find(|form| form.consult_type == self.consult_type)
                .or_else(|| forms().find(|form| form.consult_type.is_none()))
                .or_else(|| forms().next()),
        }
    }

    fn fault(&self, profile: &Profile) -> Option<Wrong> {
        let fault = |near: &str, what: &str, remedy: String| Some((near.to_owned(), what.to_owned(), remedy));
        let says_more = self.form.is_some()
            || self.consult_type.is_some()
            || self.cancer_area.is_some()
            || self.language.is_some()
            || self.site.is_some();
        if self.ignore && says_more {
            let remedy = "take ignore away, or all but id and name".to_owned();
            return fault(&self.id, "is ignored and says what its callers want", remedy);
        }
        if let Some(id) = &self.form {
            let Some(form) = profile.form(id) else {
                let known = profile.forms.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let remedy = match known.as_str() {
                    "" => "the profile has no form at all; add the folder forms".to_owned(),
                    known => format!("use one of: {known}"),
                };
                return fault(id, "asks by a form that does not exist", remedy);
            };
            if form.consult_type.is_some() && self.consult_type.is_some() && form.consult_type != self.consult_type {
                let remedy = "take consult_type away, or name the form for it".to_owned();
                return fault(&self.id, "wants another kind of help than its form is for", remedy);
            }
        }
        // Of a call that nobody answered these two are all that is known; a form that asks neither would lose them.
        if !self.ignore
            && let Some(form) = self.form(profile)
        {
            let takes_number = form.fields().any(|(_, field)| field.key == "phone");
            if !takes_number || form.consent.ticks.iter().all(|tick| tick.key != "consent_phone") {
                let remedy = "add the question phone and the tick consent_phone to it, or name another form".to_owned();
                return fault(&form.id, "asks by a form without phone or consent_phone", remedy);
            }
        }
        let languages = &profile.center.languages;
        if let Some(language) = self.language.as_ref().filter(|language| !languages.contains(language)) {
            let remedy = format!("use one of: {}", languages.join(", "));
            return fault(language, "speaks a language that the center does not offer", remedy);
        }
        if let Some(site) = self.site.as_ref().filter(|site| profile.site(site).is_none()) {
            let known: Vec<&str> = profile.center.sites.iter().map(|site| site.id.as_str()).collect();
            return fault(site, "belongs to a site that does not exist", format!("use one of: {}", known.join(", ")));
        }
        None
    }
}
