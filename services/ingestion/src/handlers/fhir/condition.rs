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
use crate::adapters::fhir::number::Number;
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::referral::Verb;
use crate::adapters::fhir::task::REFERENCE_SYSTEM;
use crate::error::Refusal;

impl Read {
    /// Finds what the request is about, where its sender asks for that; tells why it is not done, if it is not.
    pub async fn settle(&mut self, door: &Door) -> Result<Option<Told>, Refusal> {
        const MANY: &str = "More than one referral of yours has this number: send it with its system";
        const ABSENT: &str = "There is no such ServiceRequest of yours here: a new one gets its id from us, by a POST";
        const OTHER_VERSION: &str =
            "The referral has changed since you have seen it: read its ServiceRequest again and decide again";
        let refuse =
            |status: StatusCode, issue, words: &str| (status.as_u16(), Line::new(Severity::Error, issue, words));
        let mut is_other = false;
        if let Some(number) = self.to_find() {
            let is_ours = number.system.is_some();
            match ask::numbered(door, &self.sender, &[number]).await?.as_slice() {
                [] if is_ours => {
                    let (status, line) = refuse(StatusCode::NOT_FOUND, Issue::NotFound, ABSENT);
                    return self.refuse(door, vec![line], status).await.map(Some);
                }
                [] => {}
                [one] if one.number.is_some() => self.set_number(one.number.clone()),
                [one] => (is_other, self.about) = (true, Some(one.inquiry_id)),
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

    /// The number that the sender asks for, where it does not say who gave it, or we did.
    fn to_find(&self) -> Option<Number> {
        let told = match &self.intake.topic {
            Topic::Referral(told) => told.condition.number.as_ref().and(told.identity.as_ref()),
            Topic::Form(told) if told.is_searched => told.identity.as_ref(),
            _ => None,
        };
        let (system, value) = told.filter(|(system, _)| system.is_empty() || system == REFERENCE_SYSTEM)?;
        Some(Number { system: (!system.is_empty()).then(|| system.clone()), value: value.clone() })
    }

    fn set_number(&mut self, number: Option<(String, String)>) {
        let Some(number) = number else { return };
        match &mut self.intake.topic {
            Topic::Referral(told) => told.identity = Some(number),
            Topic::Form(told) => told.identity = Some(number),
            Topic::Withdrawal(_) | Topic::Refused => {}
        }
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
