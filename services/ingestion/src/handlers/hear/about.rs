//! A change, a cancellation or a question about a referral that came before, or that should have.
//!
//! One that overtook its referral is put to it once that has come (early). Deliberately not here: new referrals (hear).

use super::*;
use crate::adapters::hl7::fault::{Code, Fault};
use crate::adapters::hl7::time::When;
use crate::domain::wanted::Asked;
use crate::handlers::fhir::standing;
use crate::store::referrals;
use crate::writer::heard::{ACCEPTED, UNKNOWN_REFERRAL};

const NO_REFERRAL: Fault =
    Fault::at("RF1", 6, Code::UnknownKey, "No referral is known under this number: send it as a new referral");

impl Hearing {
    /// A change, a cancellation or a question about a referral that should be known.
    pub(super) async fn about_a_referral(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (reason, referral, judged): (&'static str, Referral, Judged),
    ) -> Result<Kept, Refusal> {
        let key = match &referral.identity {
            Some(identity) => {
                Some(self.acceptance.kept_key(&heading.profile.center.id, &business_key(heading, identity))?)
            }
            None => None,
        };
        let reference = referral.reference.clone().unwrap_or_default();
        let known = keep::known(&self.database, &heading.profile.center.id, key, reference).await?;
        let inquiry = known.as_ref().map(|(inquiry, _)| *inquiry);
        let told = known.map(|(_, reference)| reference);
        let (fate, judged) = match (reason, inquiry) {
            ("", Some(inquiry)) => return self.question(heading, raw, (inquiry, told, judged)).await,
            ("", None) => {
                (Fate { state: REFUSED, ..waits(UNKNOWN_REFERRAL) }, Judged::refused(Outcome::Error, NO_REFERRAL))
            }
            (reason, Some(_)) => (Fate { inquiry_id: inquiry, ..waits(reason) }, judged),
            // It may have overtaken the referral itself.
            (reason, None) => (Fate { early: key.map(|key| (key, reason)), ..waits(UNKNOWN_REFERRAL) }, judged),
        };
        let heard = self.heard_as_kept(heading, raw).await?;
        let kept = keep::message(&self.database, &heading.profile.center.id, heard, fate).await?;
        Ok(Kept::told(kept, heading.message_id, (judged, told)))
    }

    /// A question is answered, and nothing is to be done about it. Asked again by the same message it gets the same answer.
    async fn question(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (inquiry, reference, judged): (Uuid, Option<String>, Judged),
    ) -> Result<Kept, Refusal> {
        let center = &heading.profile.center.id;
        let feed = heading.feed.id.clone();
        let known = self.database.read(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(referrals::of_feed(tx, &feed, &[inquiry]).await?) })
        });
        // Asked for under our number by a feed that did not send it: of that one, nothing more is told.
        let (stand, wanted) = known.await?.pop().map_or((Stand::Pending, Vec::new()), |known| {
            let known = standing(known, &heading.profile.checklists);
            let stand = Stand::of((known.status(), known.journey.reason), self.has_passed(heading));
            (stand, known.asks().iter().map(Asked::words).collect())
        });
        let heard = self.heard_as_kept(heading, raw).await?;
        let fate = Fate { state: ACCEPTED, reason: "", inquiry_id: Some(inquiry), early: None };
        let answer = (stand.word().to_owned(), wanted);
        let (kept, (word, wanted)) = keep::question(&self.database, center, (heard, fate), answer).await?;
        Ok(Kept { stand: Stand::parse(&word), wanted, ..Kept::told(kept, heading.message_id, (judged, reference)) })
    }

    /// Whether the day until which the office wants its referral acted on (RF1-8) is over.
    fn has_passed(&self, heading: &Heading<'_>) -> bool {
        let zone = &heading.feed.zone(heading.profile.zone());
        let told = When::parse(&heading.opened.message.value("RF1", 8, 1), zone).and_then(|when| when.date());
        told.is_some_and(|day| day < zone.to_datetime(self.acceptance.clock.now()).date())
    }
}
