//! Call scripts: versioned Markdown, picked by situation and language, with the few facts of the call filled in.
//!
//! A script is shown beside the note while a coordinator talks. Deliberately not here: messages that are sent; those are
//! templates of the notification service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Place};
use crate::words::vocabulary;

vocabulary! {
    /// The situation that a call script is for.
    CallSituation ("situation") {
        #[default]
        FirstCall = "first_call", "First call", "Primera llamada", "Premier appel";
        RecordsReady = "records_ready", "Records ready", "Expediente listo", "Documents prêts";
        NoRecordsYet = "no_records_yet", "No records yet", "Sin expediente todavía", "Pas encore de documents";
        NeedsTriage = "needs_triage", "Referral that needs triage", "Derivación por revisar", "Orientation à trier";
        TrialQuestion = "trial_question", "Trial question", "Pregunta sobre un estudio", "Question sur un essai";
        Voicemail = "voicemail", "Voice message", "Mensaje de voz", "Message vocal";
        CaregiverCalling = "caregiver_calling", "Somebody else asks for the person", "Otra persona pregunta por el paciente", "Quelqu'un d'autre demande pour la personne";
        NoShow = "no_show", "Missed visit", "Cita no realizada", "Rendez-vous manqué";
        OutOfScope = "out_of_scope", "Not treated here", "No se trata aquí", "Non traité ici";
    }
}

/// One script in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Name that the routing table uses; the same in all languages.
    pub id: String,
    /// Grows with each change of the text.
    pub version: u32,
    /// Language code.
    pub language: String,
    /// What kind of call it is for.
    pub situation: CallSituation,
    /// Markdown with `{{ field }}` gaps.
    pub body: String,
}

/// A text that begins with `---`, lines of `key: value`, and `---`.
pub(crate) struct FrontMatter<'a> {
    pub(crate) entries: BTreeMap<&'a str, &'a str>,
    pub(crate) body: &'a str,
}

/// Splits front matter from a text; a text without any is all body.
pub(crate) fn front_matter(text: &str) -> FrontMatter<'_> {
    let split = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    let Some((head, body)) = split else { return FrontMatter { entries: BTreeMap::new(), body: text } };
    let entries =
        head.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim())).collect();
    FrontMatter { entries, body }
}

impl Script {
    /// Reads a script file.
    ///
    /// # Errors
    /// Names each entry of the front matter that is missing or wrong.
    pub fn parse(place: Place<'_>) -> Result<Self, Vec<Fault>> {
        let front = front_matter(place.text);
        let mut faults = Vec::new();
        let mut entry = |key: &str| {
            let value = front.entries.get(key).copied().unwrap_or_default();
            if value.is_empty() {
                faults.push(place.at(
                    1,
                    format!("the script has no {key}"),
                    format!("add \"{key}: ...\" between the two --- lines at its top"),
                ));
            }
            value
        };
        let (id, version, language, situation) = (entry("id"), entry("version"), entry("language"), entry("situation"));
        let number = version.parse::<u32>();
        if number.is_err() && !version.is_empty() {
            faults.push(place.near(
                version,
                format!("version \"{version}\" is no number"),
                "write a whole number, such as 1",
            ));
        }
        let known = situation.parse::<CallSituation>();
        if let (Err(error), false) = (&known, situation.is_empty()) {
            faults.push(place.near(
                situation,
                format!("situation \"{situation}\" is unknown"),
                format!("use one of: {}", error.allowed),
            ));
        }
        match (number, known, faults.is_empty()) {
            (Ok(version), Ok(situation), true) => Ok(Self {
                id: id.into(),
                version,
                language: language.into(),
                situation,
                body: front.body.trim().to_owned(),
            }),
            _ => Err(faults),
        }
    }
}

/// All scripts of a center.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts(pub Vec<Script>);

impl Scripts {
    /// The script `id` in `language`, else in English, else in whichever language exists.
    #[must_use]
    pub fn pick(&self, id: &str, language: &str) -> Option<&Script> {
        self.best(language, |script| script.id == id)
    }

    /// A script for a situation, by the same order of languages.
    #[must_use]
    pub fn pick_for(&self, situation: CallSituation, language: &str) -> Option<&Script> {
        self.best(language, |script| script.situation == situation)
    }

    fn best(&self, language: &str, wanted: impl Fn(&Script) -> bool) -> Option<&Script> {
        let rank = |script: &&Script| match script.language.as_str() {
            own if own == language => 0,
            "en" => 1,
            _ => 2,
        };
        self.0.iter().filter(|script| wanted(script)).min_by_key(rank)
    }
}

/// Stands where the person's name is said. Who fills a script may not know the person, so it stays for who shows it.
pub const NAME_GAP: &str = "{{ name }}";

/// A gap that the caller fills by heart.
pub const BLANK: &str = "_____";

/// The script's text with its gaps filled. A gap without a fact becomes a visible blank; that of the person's name stays.
/// A fact that is a whole sentence gives up its full stop where the script has one after the gap.
#[must_use]
pub fn fill(script: &Script, facts: &BTreeMap<&str, String>) -> String {
    let mut filled = String::with_capacity(script.body.len() + 64);
    let mut rest = script.body.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((gap, tail)) = after.split_once("}}") else { break };
        let fact = match (facts.get(gap.trim()), gap.trim()) {
            (Some(fact), _) => fact.as_str(),
            (None, "name") => NAME_GAP,
            (None, _) => BLANK,
        };
        filled.push_str(before);
        filled.push_str(if tail.starts_with('.') { fact.trim_end_matches('.') } else { fact });
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\nid: first-call\nversion: 2\nlanguage: en\nsituation: first_call\n---\nHello, this is {{ caller }} for {{ name }}.\n";

    #[test]
    fn a_script_is_read_and_its_gaps_are_filled() {
        let script = Script::parse(Place { file: "scripts/a.md", text: TEXT }).unwrap();
        assert_eq!((script.version, script.situation), (2, CallSituation::FirstCall));
        let facts = BTreeMap::from([("caller", "Dana".to_owned())]);
        assert_eq!(fill(&script, &facts), "Hello, this is Dana for {{ name }}.");
        let blank = Script { body: "Takes {{ days }} days for {{name}}.".into(), ..script };
        assert_eq!(fill(&blank, &facts), "Takes _____ days for {{ name }}.");
    }

    #[test]
    fn a_fact_that_is_a_sentence_does_not_end_twice() {
        let script = Script::parse(Place { file: "a", text: TEXT }).unwrap();
        let script = Script { body: "Next: {{ rule }}. Then {{ rule }} Bye.".into(), ..script };
        let facts = BTreeMap::from([("rule", "A doctor reads them.".to_owned())]);
        assert_eq!(fill(&script, &facts), "Next: A doctor reads them. Then A doctor reads them. Bye.");
    }

    #[test]
    fn a_script_without_front_matter_is_told_what_to_add() {
        let faults = Script::parse(Place { file: "scripts/a.md", text: "Hello" }).unwrap_err();
        assert_eq!(faults.len(), 4);
        let wrong = TEXT.replace("first_call\n", "greeting\n");
        let faults = Script::parse(Place { file: "scripts/a.md", text: &wrong }).unwrap_err();
        assert_eq!(faults[0].line, 5);
        assert!(faults[0].remedy.contains("no_records_yet"));
    }

    #[test]
    fn the_own_language_wins_over_english() {
        let english = Script::parse(Place { file: "a", text: TEXT }).unwrap();
        let spanish = Script { language: "es".into(), ..english.clone() };
        let scripts = Scripts(vec![english, spanish]);
        assert_eq!(scripts.pick("first-call", "es").unwrap().language, "es");
        assert_eq!(scripts.pick("first-call", "fr").unwrap().language, "en");
        assert!(scripts.pick_for(CallSituation::NoShow, "en").is_none());
    }
}
