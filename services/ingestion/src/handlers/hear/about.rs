//! A change, a cancellation or a question about a referral that came before, or that should have.
//!
//! One that overtook its referral is put to it once that has come (early). Deliberately not here: new referrals (hear).

use causeway_funnel::ids::Reference;

use super::*;
use crate::adapters::hl7::fault::{Code, Fault};
use crate::adapters::hl7::time::When;
use crate::domain::wanted::Asked;
use crate::handlers::fhir::standing;
use crate::handlers::told;
use crate::store::referrals;
use crate::writer::heard::{ACCEPTED, UNKNOWN_REFERRAL};

/// Of a referral of which no inquiry is made yet.
const WAITS: &str = "It is here, and a person at the center looks at it";

const UNTOLD: Fault = Fault::at(
    "RF1",
    11,
    Code::UnknownKey,
    "Where a referral stands that came in a list is not told here: please call the center",
);
const OTHER_PATIENT: Fault = Fault::at(
    "PID",
    5,
    Code::UnknownKey,
    "The referral with this number is another patient's: check the number, or call the center",
);
const NO_REFERRAL: Fault =
    Fault::at("RF1", 6, Code::UnknownKey, "No referral is known under this number: send it as a new referral");
const NO_NUMBER_OF_OURS: Fault = Fault::at(
    "RF1",
    11,
    Code::UnknownKey,
    "No referral of yours has this number of ours: compare it with the answer to the referral, or ask by your own number (RF1-6)",
);

impl Hearing {
    /// A change, a cancellation or a question about a referral that should be known.
    pub(super) async fn about_a_referral(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (reason, referral, judged): (&'static str, Referral, Judged),
    ) -> Result<Kept, Refusal> {
        let key = self.key(heading, &referral)?;
        // As people write it: in small letters, without hyphens.
        let plain =
            |number: &String| number.parse::<Reference>().map_or_else(|_| number.clone(), |read| read.to_string());
        let numbered = referral.reference.as_ref().map(|number| (plain(number), heading.feed.office.clone()));
        let no_referral =
            if referral.identity.is_none() && numbered.is_some() { NO_NUMBER_OF_OURS } else { NO_REFERRAL };
        let known =
            keep::known(&self.database, &heading.profile.center.id, key.into_iter().collect(), numbered).await?;
        let inquiry = known.as_ref().map(|(inquiry, _)| *inquiry);
        let told = known.map(|(_, reference)| reference);
        let (fate, judged) = match (reason, inquiry) {
            ("", Some(inquiry)) => return self.question(heading, raw, (inquiry, told, judged)).await,
            ("", None) if self.waits(heading, key).await? => return self.as_waiting(heading, raw, judged).await,
            ("", None) => {
                (Fate { state: REFUSED, ..waits(UNKNOWN_REFERRAL) }, Judged::refused(Outcome::Error, no_referral))
            }
            (reason, Some(_)) => (Fate { inquiry_id: inquiry, ..waits(reason) }, judged),
            // It may have overtaken the referral itself.
            (reason, None) => (Fate { early: key.map(|key| (key, reason)), ..waits(UNKNOWN_REFERRAL) }, judged),
        };
        let heard = self.heard_as_kept(heading, raw).await?;
        let kept = keep::message(&self.database, &heading.profile.center.id, heard, fate).await?;
        Ok(Kept::told(kept, heading.message_id, (judged, told)))
    }

    /// A question is answered, and nothing is to be done about it. Asked again by the same message it gets the same answer. One about
    /// another patient than the referral's is not: its office would write where this one stands into the other's record.
    async fn question(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (inquiry, reference, judged): (Uuid, Option<String>, Judged),
    ) -> Result<Kept, Refusal> {
        let profile = heading.profile;
        let (with, of) = ((&*self.acceptance, &self.database), (profile, heading.feed));
        if news::named_by(with, of, &heading.opened.message, inquiry).await? == news::Named::Another {
            let fate = Fate { state: REFUSED, ..waits(UNKNOWN_REFERRAL) };
            return self.keep(heading, raw, fate, Judged::refused(Outcome::Error, OTHER_PATIENT)).await;
        }
        let of_office = profile.feeds.feeds.iter().filter(|feed| feed.office == heading.feed.office);
        let feeds: Vec<String> = of_office.map(|feed| feed.id.clone()).collect();
        let known = self.database.read(&profile.center.id, move |tx| {
            Box::pin(async move {
                let feeds: Vec<&str> = feeds.iter().map(String::as_str).collect();
                Ok::<_, Refusal>(referrals::of_feeds(tx, &feeds, &[inquiry]).await?)
            })
        });
        // Nobody tells ingestion how one goes on that came in a list, and a stand that may be false is worse than none.
        let Some(known) = known.await?.pop() else {
            let fate = Fate { state: REFUSED, ..waits(UNKNOWN_REFERRAL) };
            return self.keep(heading, raw, fate, Judged::refused(Outcome::Error, UNTOLD)).await;
        };
        let known = standing(known, &profile.checklists);
        let stand = Stand::of((known.status(), known.journey.reason), self.has_passed(heading));
        let remark = told::remark(stand, &known.journey, profile.zone());
        let wanted = known.asks().iter().map(Asked::words).collect();
        self.answer(heading, raw, (Some(inquiry), reference, judged), (stand, remark, wanted)).await
    }

    /// Whether the referral came, and waits for a person before an inquiry is made of it.
    async fn waits(&self, heading: &Heading<'_>, key: Option<[u8; 16]>) -> Result<bool, Refusal> {
        let Some(key) = key else { return Ok(false) };
        let waits = self.database.read(&heading.profile.center.id, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(messages::referral_waits(tx, key, CODE_UNKNOWN).await?) })
        });
        waits.await
    }

    async fn as_waiting(&self, heading: &Heading<'_>, raw: &[u8], judged: Judged) -> Result<Kept, Refusal> {
        let told = (Stand::Pending, WAITS.to_owned(), Vec::new());
        self.answer(heading, raw, (None, None, judged), told).await
    }

    async fn answer(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (inquiry_id, reference, judged): (Option<Uuid>, Option<String>, Judged),
        (stand, remark, wanted): (Stand, String, Vec<String>),
    ) -> Result<Kept, Refusal> {
        let heard = self.heard_as_kept(heading, raw).await?;
        let fate = Fate { state: ACCEPTED, reason: "", inquiry_id, early: None };
        let answer = (stand.word().to_owned(), remark, wanted);
        let kept = keep::question(&self.database, &heading.profile.center.id, (heard, fate), answer).await?;
        let (kept, (word, remark, wanted)) = kept;
        let stand = Stand::parse(&word);
        Ok(Kept { stand, remark, wanted, ..Kept::told(kept, heading.message_id, (judged, reference)) })
    }

    /// Whether the day until which the office wants its referral acted on (RF1-8) is over.
    fn has_passed(&self, heading: &Heading<'_>) -> bool {
        let zone = &heading.feed.zone(heading.profile.zone());
        let told = When::parse(&heading.opened.message.value("RF1", 8, 1), zone).and_then(|when| when.date());
        told.is_some_and(|day| day < zone.to_datetime(self.acceptance.clock.now()).date())
    }
}
