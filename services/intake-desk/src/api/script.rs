//! The call script that stands beside the note: the one of the situation, in the person's language, with what is known
//! filled in. A name is never filled in here; the desk does not hold it, so its gap stays for who shows the script.

use std::collections::BTreeMap;

use causeway_funnel::profile::Profile;
use causeway_funnel::records::missing;
use causeway_funnel::script::{CallSituation, Script, fill};
use causeway_funnel::time_words;

use crate::domain::Inquiry;

/// Id, version and filled text of the script for the next call.
pub fn for_call(profile: &Profile, inquiry: &Inquiry, caller: &str) -> Option<(String, String, String)> {
    let script = choose(profile, inquiry)?;
    let text = fill(script, &known(profile, inquiry, &script.language, caller));
    Some((script.id.clone(), script.version.to_string(), text))
}

/// Routing chose a script for the first call; what happened since may call for another one.
fn choose<'a>(profile: &'a Profile, inquiry: &Inquiry) -> Option<&'a Script> {
    let language = profile.language_or_default(&inquiry.facts.language);
    let scripts = &profile.scripts;
    let routed = scripts.pick(&inquiry.route.script, language);
    if inquiry.standing().no_show {
        return scripts.pick_for(CallSituation::NoShow, language).or(routed);
    }
    let waited_for_records = routed.is_some_and(|script| script.situation == CallSituation::NoRecordsYet);
    let anything_needed = inquiry.records.iter().any(|line| line.needed);
    if waited_for_records && anything_needed && inquiry.records_ready {
        return scripts.pick_for(CallSituation::RecordsReady, language).or(routed);
    }
    routed.or_else(|| scripts.pick_for(CallSituation::FirstCall, language))
}

fn known(profile: &Profile, inquiry: &Inquiry, language: &str, caller: &str) -> BTreeMap<&'static str, String> {
    let facts = &inquiry.facts;
    let mut known = BTreeMap::new();
    let mut tell = |key, value: &str| {
        if !value.is_empty() {
            known.insert(key, value.to_owned());
        }
    };
    tell("caller", caller);
    tell("reference", &facts.reference);
    tell("center", &profile.center.short_name);
    tell("phone", &profile.center.contact.phone);
    let label = |kind: &str| profile.checklists.document(kind).map(|document| document.label.get(language).to_owned());
    let lines = inquiry.lines();
    tell("missing_records", &missing(&lines).filter_map(|line| label(&line.kind)).collect::<Vec<_>>().join("; "));
    let rule = profile.booking.rule_for(facts.consult_type, facts.cancer_area);
    let rule = rule.map_or("", |rule| rule.patient.get(language));
    tell("booking_rule", rule);
    // What comes next for the person is what the booking rule says.
    tell("next_step", rule);
    if let Some(visit_at) = inquiry.visit_at() {
        tell("visit_at", &time_words::words(visit_at, profile.zone(), language));
    }
    known
}
