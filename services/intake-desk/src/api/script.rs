//! The call script that stands beside the note: the one of the situation, in the person's language, with what is known
//! filled in. A name is never filled in here; the desk does not hold it, so its gap stays for who shows the script.

use std::collections::BTreeMap;

use causeway_funnel::inquiry::AskedBy;
use causeway_funnel::next_action::NextAction;
use causeway_funnel::next_step::NextStepKind;
use causeway_funnel::profile::Profile;
use causeway_funnel::records::missing;
use causeway_funnel::script::{CallSituation, Script, fill};
use causeway_funnel::time_words;
use causeway_proto::intake::v1 as wire;

use crate::domain::{Inquiry, Outcome};
use crate::error::DeskError;

/// Id, version and filled text of the script for the next call.
pub fn for_call(profile: &Profile, inquiry: &Inquiry, caller: &str) -> Option<(String, String, String)> {
    let script = choose(profile, inquiry)?;
    let text = fill(script, &known(profile, inquiry, &script.language, caller));
    Some((script.id.clone(), script.version.to_string(), text))
}

/// The texts that stand beside the script of the call: the voice message, and where somebody else asks for the person, what to say to
/// them.
pub fn beside(profile: &Profile, inquiry: &Inquiry, caller: &str) -> Vec<wire::CallScript> {
    let language = profile.language_or_default(&inquiry.facts.language);
    let is_for_other = inquiry.facts.asked_by == AskedBy::Caregiver;
    let situations = [CallSituation::CaregiverCalling, CallSituation::Voicemail];
    let wanted = situations.into_iter().filter(|one| is_for_other || *one != CallSituation::CaregiverCalling);
    let text = |script: &Script| wire::CallScript {
        situation: script.situation.as_str().to_owned(),
        id: script.id.clone(),
        version: script.version.to_string(),
        text: fill(script, &known(profile, inquiry, &script.language, caller)),
    };
    wanted.filter_map(|situation| profile.scripts.pick_for(situation, language)).map(text).collect()
}

/// Id and version of the script that was used in a try: as the caller says, else the voice message where one was left, else the one of
/// the call.
///
/// # Errors
/// Names the field that is none of the center's scripts, or a version that the script has not had.
pub fn used(
    profile: &Profile,
    inquiry: &Inquiry,
    outcome: Outcome,
    (asked, version): (String, String),
) -> Result<Option<(String, String)>, DeskError> {
    if asked.is_empty() {
        let language = profile.language_or_default(&inquiry.facts.language);
        let message = profile.scripts.pick_for(CallSituation::Voicemail, language);
        let message = message.filter(|_| outcome == Outcome::Voicemail);
        return Ok(message
            .map(|script| (script.id.clone(), script.version.to_string()))
            .or_else(|| chosen(profile, inquiry)));
    }
    let language = profile.language_or_default(&inquiry.facts.language);
    let Some(script) = profile.scripts.pick(&asked, language) else {
        return Err(DeskError::UnknownName("no such script in this center; see scripts/"));
    };
    // A page may have been open since before the last change of the script, but nobody has read what is not written yet.
    match version.parse::<u32>() {
        Ok(version) if version <= script.version => {}
        Ok(_) => {
            return Err(DeskError::Field(
                "script_version is not one that the script has had; send the one that was shown",
            ));
        }
        Err(_) => return Err(DeskError::Field("script_version is no number; send the version that was shown")),
    }
    Ok(Some((asked, version)))
}

/// Id and version of the script for the next call.
fn chosen(profile: &Profile, inquiry: &Inquiry) -> Option<(String, String)> {
    choose(profile, inquiry).map(|script| (script.id.clone(), script.version.to_string()))
}

/// Routing chose a script for the first call; what happened since may call for another one.
fn choose<'a>(profile: &'a Profile, inquiry: &Inquiry) -> Option<&'a Script> {
    let language = profile.language_or_default(&inquiry.facts.language);
    let scripts = &profile.scripts;
    let routed = scripts.pick(&inquiry.route.script, language);
    if inquiry.standing().no_show {
        return scripts.pick_for(CallSituation::NoShow, language).or(routed);
    }
    if matches!(inquiry.next_action, NextAction::TellReferral) {
        return scripts.pick_for(CallSituation::OutOfScope, language).or(routed);
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
    let when = |at| time_words::words(at, profile.zone(), language);
    let agreed = inquiry.open_step();
    let kind = agreed.and_then(|step| profile.booking.next_step(&step.kind));
    // What comes next for the person is what was agreed, else what the booking rule says.
    match (agreed, kind) {
        (Some(step), Some(kind)) => tell("next_step", &format!("{}, {}", kind.patient.get(language), when(step.at))),
        _ => tell("next_step", rule),
    }
    let kind =
        kind.or_else(|| profile.booking.next_steps_for(facts.consult_type, facts.cancer_area).find(|kind| kind.call));
    if let Some(days) = kind.map(NextStepKind::days).filter(|days| *days > 0) {
        tell("screening_days", &days.to_string());
    }
    tell("hours", &time_words::week_words(profile.calendar(None), language));
    if let Some(visit_at) = inquiry.visit_at() {
        tell("visit_at", &when(visit_at));
    }
    known
}
