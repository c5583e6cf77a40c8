//! What the machine answers a checklist of quality from: an inquiry, its tries and what was written down when.
//!
//! Deliberately not here: the answers (funnel), and who may read an audit (`quality`).

use std::collections::BTreeMap;

use causeway_funnel::intake::NeededFor;
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::computed::{Try, Worked};
use causeway_funnel::records::LineState;
use causeway_funnel::stage::StageEvent;
use jiff::Timestamp;

use super::inquiry::{Inquiry, Rules};

/// Whether a line of the timeline says what comes next: somebody wrote it, and it is more than who has the inquiry.
pub fn says_what_comes_next(kind: &str, actor: &str) -> bool {
    let only_who =
        ["attempt", "claimed", "released", "chosen", "routed", "escalated", "clock", "notice", "document", "reopened"];
    kind == "appointment" || (!matches!(actor, "" | "ingestion") && !only_who.contains(&kind))
}

/// What the machine answers a checklist from: the inquiry, its tries, when something was written down, and which of the note's
/// fields are filled.
pub fn worked(
    inquiry: &Inquiry,
    profile: &Profile,
    now: Timestamp,
    (tries, written_at, filled): (Vec<Try>, Vec<Timestamp>, BTreeMap<String, bool>),
) -> Worked {
    let rules = Rules::of(profile, &inquiry.facts, &inquiry.route);
    let contact = inquiry.first_contact_at;
    let last = |what: &StageEvent| matches!(what, StageEvent::IntakeFieldsComplete(_));
    let complete =
        inquiry.stage_facts.iter().filter(|fact| last(&fact.what)).max_by_key(|fact| (fact.at, fact.version));
    let of = (inquiry.facts.consult_type, inquiry.facts.cancer_area);
    let fields = profile.note.fields_for(of.0, of.1).filter(|field| !field.optional);
    let routing_fields = fields.filter(|field| field.needed_for == NeededFor::Routing).map(|field| field.key.clone());
    let needed = || inquiry.records.iter().filter(|line| line.needed);
    Worked {
        now,
        tries,
        written_at,
        note_due_at: contact.map(|at| rules.calendar.add_business(at, rules.targets.complete_intake_minutes)),
        note_complete_at: complete
            .filter(|fact| fact.what == StageEvent::IntakeFieldsComplete(true))
            .map(|fact| fact.at),
        filled,
        routing_fields: routing_fields.collect(),
        needed: needed().count(),
        never_asked: needed().filter(|line| line.state == LineState::Needed && line.asked_at.is_none()).count(),
    }
}
