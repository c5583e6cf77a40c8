//! Sister centers on the inquiry's page: where it came from, where it went, and where it may go.
//!
//! A name of a center that this portal does not know is shown by its id. Deliberately not here: the rule (funnel), which the desk asks
//! again.

use causeway_auth::Action;
use causeway_funnel::sister::{HandoverState, NotTaken, SisterReason, hindrance};
use causeway_proto::convert::stay_from_wire;
use causeway_proto::inquiry::v1::Stay;
use causeway_proto::intake::v1::Stage;

use super::{Looking, choices, fact};
use crate::pages::{Fact, SelectOption, SisterCard};
use crate::views::times;
use crate::words::EN;

impl Looking<'_> {
    /// The centers that it may be handed to; none where there is none, or for who may not.
    pub(super) fn sister(&self) -> Option<SisterCard> {
        let inquiry = &self.parts.inquiry;
        let over = matches!(inquiry.stage(), Stage::Closed | Stage::Attended) || self.is_booked();
        if over || !self.may(Action::HandToCenter) {
            return None;
        }
        let stays: Vec<_> = self.stays().iter().filter_map(|stay| stay_from_wire(stay).ok()).collect();
        let own = (self.profile.center.id.as_str(), &self.profile.center.sisters);
        let fits = |reason| {
            let sisters = self.parts.sisters.iter().map(|sister| &sister.1.center);
            let stays = &stays;
            sisters.filter(move |sister| hindrance(own, (&sister.id, &sister.sisters), (stays, reason)).is_none())
        };
        let (on, back): (Vec<_>, Vec<_>) =
            (fits(SisterReason::Other).collect(), fits(SisterReason::SentBack).collect());
        let option = |center: &&causeway_funnel::profile::Center| choices::option(&center.id, &center.name);
        let centers: Vec<SelectOption> = on.iter().chain(&back).map(option).collect();
        let says = |reason: &&SisterReason| {
            if **reason == SisterReason::SentBack { !back.is_empty() } else { !on.is_empty() }
        };
        let reasons = SisterReason::ALL.iter().filter(says);
        (!centers.is_empty())
            .then(|| SisterCard { centers, reasons: reasons.map(|reason| self.reason(*reason)).collect() })
    }

    /// What this center does not treat is handed on for that reason, where a sister treats it: it stands ready.
    fn reason(&self, reason: SisterReason) -> SelectOption {
        let selected = reason == SisterReason::TreatedThere && self.scope_state().is_out();
        SelectOption { selected, ..choices::option(reason.as_str(), reason.label("en")) }
    }

    /// Where it was before, and since when the person waits.
    pub(super) fn sister_facts(&self) -> Vec<Fact> {
        let [first, ..] = self.stays() else { return Vec::new() };
        let mut shown = vec![fact("Handed over by", &self.chain())];
        if let Some(since) = times::moment(first.received_at, self.profile.zone(), &EN) {
            shown.push(fact("Waiting since", &since));
        }
        let left: Vec<String> =
            self.stays().iter().filter(|stay| stay.documents > 0).map(|stay| self.left(stay)).collect();
        if !left.is_empty() {
            shown.push(fact("Records elsewhere", &left.join("; ")));
        }
        shown
    }

    /// Where it went, in a sentence; none where it did not, or where it came back and somebody has tried to reach the person since.
    pub(super) fn handed(&self) -> Option<String> {
        let handover = self.parts.inquiry.handover.as_ref()?;
        let to = self.center_name(&handover.to_center);
        Some(match handover.state.parse().unwrap_or_default() {
            HandoverState::Asked => format!("It is on its way to {to}."),
            HandoverState::Taken => format!("{to} has it as {}.", handover.reference),
            HandoverState::NotTaken => {
                let why: NotTaken = handover.why.parse().unwrap_or_default();
                let told = format!("{to} did not take it: {}.", why.label("en"));
                match self.parts.inquiry.stage() {
                    Stage::Closed => told,
                    _ if self.is_tried_since() => return None,
                    _ => format!("{told} It is ours again."),
                }
            }
        })
    }

    /// Whether somebody has tried to reach the person since the last line about a sister center; the newest line is the first one.
    fn is_tried_since(&self) -> bool {
        self.parts.inquiry.timeline.iter().take_while(|line| line.kind != "sister").any(|line| line.kind == "attempt")
    }

    fn stays(&self) -> &[Stay] {
        self.parts.inquiry.facts.as_ref().map_or(&[], |facts| facts.stays.as_slice())
    }

    /// All centers that it was at, the first one first.
    fn chain(&self) -> String {
        let stays = self.stays().iter().map(|stay| match self.here(stay) {
            Some(here) => here,
            None => format!("{} ({})", self.center_name(&stay.center), stay.reference),
        });
        stays.collect::<Vec<_>>().join(", then ")
    }

    /// Where it was at this center before, by the request number that it had then.
    fn here(&self, stay: &Stay) -> Option<String> {
        (stay.center == self.profile.center.id).then(|| format!("here, with request {}", stay.reference))
    }

    fn left(&self, stay: &Stay) -> String {
        let documents =
            if stay.documents == 1 { "1 document is".to_owned() } else { format!("{} documents are", stay.documents) };
        match self.here(stay) {
            Some(here) => format!("{documents} {here}"),
            None => format!("{documents} at {}; ask there", self.center_name(&stay.center)),
        }
    }

    fn center_name(&self, id: &str) -> String {
        let known = self.parts.sisters.iter().find(|sister| sister.1.center.id == id);
        known.map_or_else(|| id.to_owned(), |sister| sister.1.center.name.clone())
    }
}
