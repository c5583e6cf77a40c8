//! Signed links: what a patient gets in a message to come back to their own inquiry.
//!
//! A link names its center, its subject and its end, carries 128 random bits and an HMAC; the purpose is signed and not written, so a
//! link for uploading never opens the page for rescheduling. Who wants to withdraw links stores their fingerprint.
//!
//! Deliberately not here: addresses (portal) and messages (notification).

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_runtime::Mode;
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::keys::{KeyError, Master};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 16 + 16 + 8;
const TAG: usize = 16;
const LONGEST_CENTER: usize = 64;

/// A link was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Cut, changed, of another purpose, or never ours.
    #[error("link is not valid: it was cut or changed; ask for a new one")]
    Invalid,
    /// Its time is over.
    #[error("link has expired: ask for a new one")]
    Expired,
    /// No link can be made of this.
    #[error("could not make a link: the center's name is too long or the system gave no random bytes")]
    Refused,
}

/// What a valid link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The center it belongs to.
    pub center: String,
    /// The inquiry, or whatever else it was made for.
    pub subject: Uuid,
    /// When it ends.
    pub expires: Timestamp,
}

/// Makes and checks links; cheap to clone.
#[derive(Clone)]
pub struct SignedLinks {
    key: Arc<hmac::Key>,
}

impl SignedLinks {
    /// Opens `master.key` in a directory; makes it when missing, in development only.
    pub fn open_keyring(dir: &Path, mode: Mode) -> Result<Self, KeyError> {
        let key = Master::open(dir, mode)?.derive("links", "")?;
        Ok(Self { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)) })
    }

    /// A new link as a text that is safe in a url's path.
    pub fn issue(&self, center: &str, purpose: &str, subject: Uuid, expires: Timestamp) -> Result<String, LinkError> {
        let mut nonce = [0_u8; 16];
        rand::fill(&mut nonce).map_err(|_| LinkError::Refused)?;
        if center.is_empty() || center.len() > LONGEST_CENTER {
            return Err(LinkError::Refused);
        }
        let mut link = Vec::with_capacity(HEAD + center.len() + TAG);
        link.push(VERSION);
        link.extend_from_slice(&nonce);
        link.extend_from_slice(subject.as_bytes());
        link.extend_from_slice(&expires.as_second().to_be_bytes());
        link.extend_from_slice(center.as_bytes());
        let tag = self.tag(purpose, &link);
        link.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(link))
    }

    /// What a link says, if it was made for this purpose and has not ended.
    pub fn verify(&self, token: &str, purpose: &str, now: Timestamp) -> Result<Link, LinkError> {
        if token.len() > 2 * (HEAD + LONGEST_CENTER + TAG) {
            return Err(LinkError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Invalid)?;
        let end = bytes.len().checked_sub(TAG).ok_or(LinkError::Invalid)?;
        let (body, tag) = bytes.split_at(end);
        let same: bool = subtle::ConstantTimeEq::ct_eq(&self.tag(purpose, body)[..], tag).into();
        if !same {
            return Err(LinkError::Invalid);
        }
        let link = parse(body).ok_or(LinkError::Invalid)?;
        if link.expires <= now {
            return Err(LinkError::Expired);
        }
        Ok(link)
    }

    /// What to store of a link so that it can be found or withdrawn, without being able to use it.
    pub fn fingerprint(token: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        hash
    }

    fn tag(&self, purpose: &str, body: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [purpose.as_bytes(), &[0], body] {
            context.update(part);
        }
        let mut tag = [0; TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG]);
        tag
    }
}

fn parse(body: &[u8]) -> Option<Link> {
    let (head, center) = body.split_at_checked(HEAD)?;
    if head[0] != VERSION {
        return None;
    }
    let subject = Uuid::from_slice(&head[17..33]).ok()?;
    let seconds = i64::from_be_bytes(head[33..41].try_into().ok()?);
    Some(Link {
        center: String::from_utf8(center.to_vec()).ok()?,
        subject,
        expires: Timestamp::from_second(seconds).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::fresh_dir;

    fn links() -> SignedLinks {
        SignedLinks::open_keyring(&fresh_dir(), Mode::Development).expect("keyring")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("time")
    }

    #[test]
    fn a_link_says_what_it_was_made_for_until_it_ends() {
        let links = links();
        let subject = Uuid::from_u128(7);
        let token = links.issue("north", "upload", subject, at(1000)).expect("issue");
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        let link = links.verify(&token, "upload", at(999)).expect("valid");
        assert_eq!(link, Link { center: "north".into(), subject, expires: at(1000) });
        assert_eq!(links.verify(&token, "upload", at(1000)), Err(LinkError::Expired));
    }

    #[test]
    fn another_purpose_or_another_key_does_not_accept_it() {
        let links = links();
        let token = links.issue("north", "upload", Uuid::from_u128(7), at(1000)).expect("issue");
        assert_eq!(links.verify(&token, "reschedule", at(1)), Err(LinkError::Invalid));
        let other = SignedLinks::open_keyring(&fresh_dir(), Mode::Development).expect("keyring");
        assert_eq!(other.verify(&token, "upload", at(1)), Err(LinkError::Invalid));
    }

    #[test]
    fn every_changed_or_missing_character_is_noticed() {
        let links = links();
        let token = links.issue("north", "upload", Uuid::from_u128(7), at(1000)).expect("issue");
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert!(links.verify(&changed, "upload", at(1)).is_err(), "{index}");
            assert!(links.verify(&token[..index], "upload", at(1)).is_err());
        }
    }

    #[test]
    fn two_links_for_one_subject_differ_and_so_do_their_fingerprints() {
        let links = links();
        let issue = || links.issue("north", "upload", Uuid::from_u128(7), at(1000));
        let (one, two) = (issue().expect("issue"), issue().expect("issue"));
        assert_ne!(one, two);
        assert_ne!(SignedLinks::fingerprint(&one), SignedLinks::fingerprint(&two));
    }
}
