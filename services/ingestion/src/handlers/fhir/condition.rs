//! What a sender asks us to look for before anything is done: by number, by our id, and at which version (FHIR R4 section 3.1.0.7).
//!
//! Deliberately not here: how a condition is told (adapters).

use http::StatusCode;
use uuid::Uuid;

use super::Door;
use super::ask;
use super::given::business_key;
use super::read::Read;
use super::told::Told;
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::intake::Topic;
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::referral::Verb;
use crate::adapters::fhir::task::REFERENCE_SYSTEM;
use crate::error::Refusal;

impl Read {
    /// Finds what the request is about, where its sender asks for that; tells why it is not done, if it is not.
    pub async fn settle(&mut self, door: &Door) -> Result<Option<Told>, Refusal> {
        const MANY: &str = "More than one referral of yours has this number: send it with its system";
        const APART: &str = "The number that is looked for and the request's own lead to different referrals: send it without one of them";
        const ABSENT: &str = "There is no such ServiceRequest of yours here: a new one gets its id from us, by a POST";
        const OTHER_VERSION: &str =
            "The referral has changed since you have seen it: read its ServiceRequest again and decide again";
        let refuse =
            |status: StatusCode, issue, words: &str| (status.as_u16(), Line::new(Severity::Error, issue, words));
        let mut is_other = false;
        if let Some(number) = self.intake.topic.searched().cloned() {
            let is_ours = number.system.is_some() && number.borne().system == REFERENCE_SYSTEM;
            match ask::numbered(door, &self.sender, &[number]).await?.as_slice() {
                [] if is_ours => {
                    let (status, line) = refuse(StatusCode::NOT_FOUND, Issue::NotFound, ABSENT);
                    return self.refuse(door, vec![line], status).await.map(Some);
                }
                [] => {}
                [one] => match (self.under_own(door).await?, one.numbers.first()) {
                    (Some(own), _) if own == one.inquiry_id => {}
                    (Some(_), _) => {
                        let (status, line) = refuse(StatusCode::PRECONDITION_FAILED, Issue::MultipleMatches, APART);
                        return self.refuse(door, vec![line], status).await.map(Some);
                    }
                    (None, Some(number)) => self.intake.topic.lead(number.clone()),
                    (None, None) => (is_other, self.about) = (true, Some(one.inquiry_id)),
                },
                _ => {
                    let (status, line) = refuse(StatusCode::PRECONDITION_FAILED, Issue::MultipleMatches, MANY);
                    return self.refuse(door, vec![line], status).await.map(Some);
                }
            }
        }
        let Topic::Referral(told) = &self.intake.topic else { return Ok(None) };
        let condition = told.condition.clone();
        if condition.id.is_none() && condition.version.is_none() && !is_other {
            return Ok(None);
        }
        let mut found = self.find(door, told).await?;
        if let Some(id) = &condition.id {
            let known = match Uuid::parse_str(id) {
                Ok(id) => ask::of_feed(door, &self.sender, vec![id]).await?,
                Err(_) => Vec::new(),
            };
            let Some(standing) = known.iter().find(|standing| !standing.is_form) else {
                let (status, line) = refuse(StatusCode::NOT_FOUND, Issue::NotFound, ABSENT);
                return self.refuse(door, vec![line], status).await.map(Some);
            };
            is_other = found != Some(standing.inquiry_id);
            found = Some(standing.inquiry_id);
        }
        if let Some(seen) = &condition.version {
            let is_seen = match found {
                Some(inquiry) => is_version(seen, &self.known(door, inquiry).await?.etag()),
                None => false,
            };
            if !is_seen {
                let (status, line) = refuse(StatusCode::PRECONDITION_FAILED, Issue::Conflict, OTHER_VERSION);
                return self.refuse(door, vec![line], status).await.map(Some);
            }
        }
        if let (true, Topic::Referral(told)) = (is_other, &mut self.intake.topic) {
            // It stands under another number, or under none: a person compares.
            told.verb = if told.verb == Verb::New { Verb::About("referral_modified") } else { told.verb };
            self.about = found;
        }
        Ok(None)
    }

    /// The inquiry under the number that the request bears itself.
    async fn under_own(&self, door: &Door) -> Result<Option<Uuid>, Refusal> {
        let own = self.intake.topic.numbers().and_then(|numbers| numbers.own.as_ref());
        let key = own.map(|number| business_key(&self.sender.feed.id, number));
        if key.is_none() { Ok(None) } else { self.under(door, key.into_iter()).await }
    }
}

/// Whether a version is among those that somebody has seen. `*` is any of them, and a tag is as good strong as weak.
#[must_use]
pub fn is_version(seen: &str, etag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    seen.trim() == "*" || seen.split(',').any(|tag| plain(tag) == plain(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_however_its_tag_is_written() {
        for seen in ["W/\"3\"", "\"3\"", "*", " W/\"2\", W/\"3\" "] {
            assert!(is_version(seen, "W/\"3\""), "{seen}");
        }
        for seen in ["", "3", "W/\"33\"", "\"2\"", "W/*"] {
            assert!(!is_version(seen, "W/\"3\""), "{seen}");
        }
    }
}
