//! What a sender asks us to look for before anything is done: by number, by our id, and at which version (FHIR R4 section 3.1.0.7).
//!
//! Deliberately not here: how a condition is told (adapters).

use http::StatusCode;
use uuid::Uuid;

use super::Door;
use super::ask;
use super::read::Read;
use super::told::Told;
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::intake::Topic;
use crate::adapters::fhir::number::{Number, Numbers};
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::referral::Verb;
use crate::adapters::fhir::task::{REFERENCE_SYSTEM, Standing};
use crate::error::Refusal;

impl Read {
    /// Finds what the request is about, where its sender asks for that; tells why it is not done, if it is not.
    pub async fn settle(&mut self, door: &Door) -> Result<Option<Told>, Refusal> {
        const MANY: &str = "More than one referral of yours has this number: send it with its system";
        const SHARED: &str = "More than one referral of yours has this number: look for one that is its alone";
        const APART: &str = "The number that is looked for and the request's own lead to different referrals: send it without one of them";
        const ABSENT: &str = "There is no such ServiceRequest of yours here: a new one gets its id from us, by a POST";
        const OTHER_VERSION: &str =
            "The referral has changed since you have seen it: read its ServiceRequest again and decide again";
        let refuse =
            |status: StatusCode, issue, words: &str| (status.as_u16(), Line::new(Severity::Error, issue, words));
        let mut is_other = false;
        let numbers = self.intake.topic.numbers();
        let ours = numbers.and_then(|numbers| numbers.ours.clone());
        let ours = ours.map(|value| Number { system: Some(REFERENCE_SYSTEM.to_owned()), value });
        if let Some(number) = self.intake.topic.searched().cloned().or(ours) {
            let is_ours = number.borne().system == REFERENCE_SYSTEM && self.intake.topic.searched().is_some();
            let is_told = number.system.is_some();
            match self.of_kind(door, vec![number]).await?.as_slice() {
                [] if is_ours => {
                    let (status, line) = refuse(StatusCode::NOT_FOUND, Issue::NotFound, ABSENT);
                    return self.refuse(door, vec![line], status).await.map(Some);
                }
                [] => {}
                [one] if self.names_another(door, one).await? => {
                    let (status, line) = refuse(StatusCode::PRECONDITION_FAILED, Issue::MultipleMatches, APART);
                    return self.refuse(door, vec![line], status).await.map(Some);
                }
                [one] => match one.numbers.first() {
                    Some(number) => self.intake.topic.lead(number.clone()),
                    None => (is_other, self.about) = (true, Some(one.inquiry_id)),
                },
                _ => {
                    let words = if is_told { SHARED } else { MANY };
                    let (status, line) = refuse(StatusCode::PRECONDITION_FAILED, Issue::MultipleMatches, words);
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

    /// What stands under some numbers and is of the kind of the request.
    async fn of_kind(&self, door: &Door, numbers: Vec<Number>) -> Result<Vec<Standing>, Refusal> {
        let is_form = matches!(self.intake.topic, Topic::Form(_));
        let found = ask::numbered(door, &self.sender, &numbers).await?;
        Ok(found.into_iter().filter(|one| one.is_form == is_form).collect())
    }

    /// Whether a number that the request bears is the one by which another referral is known.
    async fn names_another(&self, door: &Door, standing: &Standing) -> Result<bool, Refusal> {
        let borne: Vec<(String, String)> =
            self.intake.topic.numbers().into_iter().flat_map(Numbers::all).cloned().collect();
        let asked = borne.iter().map(|(system, value)| Number { system: Some(system.clone()), value: value.clone() });
        let found = self.of_kind(door, asked.collect()).await?;
        let is_known_by = |one: &Standing| one.numbers.first().is_some_and(|first| borne.contains(first));
        Ok(found.iter().any(|one| one.inquiry_id != standing.inquiry_id && is_known_by(one)))
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
