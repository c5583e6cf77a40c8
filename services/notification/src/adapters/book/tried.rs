//! What each message is filled in with at least: by this its template is tried before it is in force.
//!
//! A gap that one message fills may be empty in another one, so each is tried with what its own notices have. Deliberately not here: how
//! a template is filled in (book), and what a notice really holds (domain).

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::profile::Profile;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::notice::{AFTER_HOURS, About, Kind, Params, VisitWords};
use crate::domain::variables::{Matter, Reader, Variables, fill};

/// The values of each notice that a template of this name is for; none where there is no such notice.
pub(super) fn samples(profile: &Profile, name: &str, language: &str) -> Vec<Variables> {
    let is_for = |kind: &&Kind| {
        let is_named = kind.template() == name || kind.fallback() == Some(name);
        kind.is_to_the_person() && (is_named || (**kind == Kind::Confirmation && name == AFTER_HOURS))
    };
    let kinds = Kind::ALL.iter().filter(is_for);
    kinds
        .flat_map(|kind| all_params(profile, *kind).into_iter().map(|params| (*kind, params)))
        .map(|(kind, params)| filled(profile, language, (kind, name == AFTER_HOURS), &params))
        .collect()
}

fn filled(profile: &Profile, language: &str, (kind, is_after_hours): (Kind, bool), params: &Params) -> Variables {
    let about = About {
        inquiry_id: Uuid::nil(),
        reference: format!("{}-0000-000", profile.center.prefix),
        language: language.to_owned(),
        email_allowed: true,
        consented_at: Timestamp::UNIX_EPOCH,
        consult_type: ConsultType::default(),
        cancer_area: CancerArea::default(),
    };
    let matter = Matter {
        about: &about,
        contact_by: (kind == Kind::Confirmation).then_some(Timestamp::UNIX_EPOCH),
        opens_at: is_after_hours.then_some(Timestamp::UNIX_EPOCH),
        params,
    };
    fill(profile, language, &matter, &Reader { greeting_name: "A B", link: "https://example.org/p/x" })
}

/// What notices of a kind are about.
fn all_params(profile: &Profile, kind: Kind) -> Vec<Params> {
    let visit = |form: &str| {
        let site = profile.center.sites.first().map(|site| site.id.clone()).unwrap_or_default();
        let starts_at = (Timestamp::UNIX_EPOCH + SignedDuration::from_hours(12)).as_microsecond();
        VisitWords { starts_at, time_zone: profile.center.time_zone.clone(), site, kind: form.to_owned() }
    };
    match kind {
        Kind::Confirmation => [false, true].map(|is_written_to| Params { is_written_to, ..Params::default() }).into(),
        Kind::RecordsRequest => {
            let records = profile.checklists.documents.first().map(|document| document.kind.clone());
            vec![Params { records: records.into_iter().collect(), ..Params::default() }]
        }
        Kind::ReferredElsewhere => {
            let entries = profile.programs.out_of_scope.iter();
            entries.map(|entry| Params { out_of_scope: entry.id.clone(), ..Params::default() }).collect()
        }
        _ if kind.is_of_next_step() => {
            let kinds = profile.booking.next_steps.iter();
            let of =
                |step: &str| Params { next_step: step.to_owned(), visit: Some(visit("phone")), ..Params::default() };
            kinds.map(|step| of(&step.id)).collect()
        }
        _ => ["in_person", "video"].map(|form| Params { visit: Some(visit(form)), ..Params::default() }).into(),
    }
}
