//! Who may be the same person: each linked inquiry with why, where it stands, and what may be said of it.
//!
//! Nothing is joined before a person says so. Deliberately not here: how links are found (ingestion).

use causeway_auth::Action;
use causeway_funnel::inquiry::ConsultType;
use causeway_proto::convert::stage_from_wire;
use causeway_proto::inquiry::v1::PersonLink;
use jiff::civil::Date;

use super::{AWAY, Looking};
use crate::pages::{Tone, Twin};
use crate::views::times;
use crate::words::EN;

impl Looking<'_> {
    /// The linked inquiries: what was said first, then the surest.
    pub(super) fn twins(&self) -> Vec<Twin> {
        let place = |link: &&PersonLink| match (link.state.as_str(), link.strength.as_str()) {
            ("same", _) => 0,
            ("different", _) => 4,
            (_, "certain") => 1,
            (_, "likely") => 2,
            _ => 3,
        };
        let mut links: Vec<&PersonLink> = self.links().collect();
        links.sort_by_key(|link| (place(link), -link.score));
        links.into_iter().map(|link| self.twin(link)).collect()
    }

    /// By which inquiries this one is the same person's as another, where nobody had to say so of these two.
    fn through(&self, link: &PersonLink) -> Option<String> {
        let all = self.parts.links.iter().flatten();
        let is_joined = all.clone().any(|links| links.person.contains(&link.inquiry_id));
        let said = self.links().filter(|one| one.state == "same").map(|one| one.reference.as_str());
        (link.state == "open" && is_joined).then(|| said.collect::<Vec<_>>().join(", "))
    }

    fn links(&self) -> impl Iterator<Item = &PersonLink> {
        self.parts.links.iter().flatten().flat_map(|links| &links.links)
    }

    /// Whether somebody said that the person of an earlier inquiry asks again.
    pub(super) fn is_confirmed_twin(&self) -> bool {
        let here = self.parts.inquiry.facts.as_ref().map_or(0, |facts| facts.received_at);
        self.links().any(|link| link.state == "same" && link.received_at < here)
    }

    /// What else is to know of the comparison.
    pub(super) fn twin_notes(&self) -> Vec<String> {
        let links = match &self.parts.links {
            None => return vec![AWAY.to_owned()],
            Some(None) => return Vec::new(),
            Some(Some(links)) => links,
        };
        let mut notes: Vec<String> = links
            .elsewhere
            .iter()
            .map(|known| {
                let since = format!("{}-01", known.since_month).parse::<Date>();
                let since = since.map_or_else(
                    |_| known.since_month.clone(),
                    |day| format!("{} {}", EN.dates.month(day), day.year()),
                );
                format!("This person has also asked {}, since {since}.", known.center_name)
            })
            .collect();
        if links.crowded {
            notes.push(
                "Many requests share a phone or the like with this one. Only the newest were compared.".to_owned(),
            );
        }
        notes
    }

    fn twin(&self, link: &PersonLink) -> Twin {
        let through = self.through(link).map(|through| format!("Same person (through {through})"));
        let (state, tone) = match (link.state.as_str(), link.strength.as_str()) {
            ("same", _) => ("Same person", Tone::Ok),
            ("different", _) => ("Said to be another person", Tone::Idle),
            (_, "certain") => ("Almost certainly the same person", Tone::Warn),
            (_, "likely") => ("Likely the same person", Tone::Warn),
            _ => ("Possibly the same person", Tone::Idle),
        };
        let actions: &[(&str, &str)] = match link.state.as_str() {
            _ if !self.may(Action::RepairInquiry) || through.is_some() => &[],
            "open" => &[("same", "Same person as"), ("different", "Not the same as")],
            _ => &[("open", "Undo for")],
        };
        Twin {
            id: link.inquiry_id.clone(),
            reference: link.reference.clone(),
            url: format!("/inquiries/{}", link.inquiry_id),
            about: self.about(link),
            tone: if through.is_some() { Tone::Ok } else { tone },
            state: through.unwrap_or_else(|| state.to_owned()),
            because: match link.explanation.as_str() {
                "" => "Linked by a person".to_owned(),
                told => told.to_owned(),
            },
            actions: actions.iter().map(|(word, label)| ((*word).to_owned(), (*label).to_owned())).collect(),
        }
    }

    fn about(&self, link: &PersonLink) -> String {
        let need = link.consult_type.parse::<ConsultType>().map(|need| need.label("en").to_owned());
        let came = times::moment(link.received_at, self.profile.zone(), &EN).map(|at| format!("came {at}"));
        let stands = self.parts.linked.get(&link.inquiry_id);
        let stage = stands.map(|inquiry| stage_from_wire(inquiry.stage()).label("en").to_owned());
        let team = stands.filter(|inquiry| !inquiry.team.is_empty()).map(|inquiry| {
            let name = self.profile.team(&inquiry.team).map(|team| team.name.get("en").to_owned());
            format!("with {}", name.unwrap_or_else(|| inquiry.team.clone()))
        });
        [need.ok(), came, stage, team].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
