//! What an inquiry is at the sister center that gets it: the same question, asked there.
//!
//! What only the center that hands over has a name for stays behind: its site, its office, its form, its pages. Of its campaigns and link
//! words those go along that the sister lists too, and the nearest site is the sister's own. Deliberately not here: the person, who is sealed anew (handlers), and whether
//! the two centers agree to it (funnel).

use std::collections::BTreeMap;

use causeway_funnel::inquiry::{Attribution, Facts, Source, Stay, Touch};
use causeway_funnel::profile::Profile;

use super::travel;

/// The facts of the new inquiry; its request number and time of receipt are known only inside the transaction. `stay` is what it was
/// at the center that hands it over, and `given` are the person's answers as typed, by which the sister finds its nearest site.
pub fn facts(sister: &Profile, known: Facts, (stay, given): (Stay, &BTreeMap<String, String>)) -> Facts {
    let form = form(sister, &known);
    let (nearest_site, distance) = travel::whereabouts(sister, given);
    let attribution = attribution(sister, &known.attribution);
    let mut stays = known.stays;
    stays.push(stay);
    Facts {
        center: sister.center.id.clone(),
        reference: String::new(),
        source: Source::SisterCenter,
        site_preference: None,
        referring_office: None,
        form_id: form.map(|form| form.id.clone()).unwrap_or_default(),
        form_version: form.map_or(0, |form| form.version),
        stays,
        nearest_site,
        distance,
        attribution,
        ..known
    }
}

/// How the person found the other center, in the words that the sister lists as well. A page is the other center's: here it would
/// count and route as one of the same path.
fn attribution(sister: &Profile, known: &Attribution) -> Attribution {
    let elsewhere = |touch: &Touch| Touch { landing_page: None, ..touch.clone() };
    let known = Attribution { first: elsewhere(&known.first), last: known.last.as_ref().map(elsewhere) };
    travel::clean(&sister.center.attribution, &known)
}

/// The form by which its answers are mended there: the one of the same name, or else of the same consult type, or else any.
fn form<'p>(sister: &'p Profile, known: &Facts) -> Option<&'p causeway_funnel::form::Form> {
    let of_its_kind = || sister.forms.values().find(|form| form.consult_type == Some(known.consult_type));
    sister.form(&known.form_id).or_else(of_its_kind).or_else(|| sister.forms.values().next())
}
