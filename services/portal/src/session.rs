//! Who is signed in: sessions of staff, kept in memory and found by a random token in a cookie.
//!
//! Only the token's SHA-256 is kept, so that a look into the memory gives no session away. A session ends by itself
//! after some time without use, and after some hours in any case; both count real time. Each has a token of its own
//! that every form sends back; whose it was is known for a day, so that what somebody typed in a session that ended is
//! taken from the same person at the same center, and from nobody else. Deliberately not here: cookies and addresses (handlers), and who somebody is (auth).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_auth::Actor;
use causeway_auth::oidc::Pending;
use causeway_runtime::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::config::SessionConfig;
use crate::pages::Flash;

const PENDING_LASTS: SignedDuration = SignedDuration::from_mins(10);
const MOST_PENDING: usize = 10_000;
/// So long it is known whose a form's token was, and of so many.
const FORMER_LASTS: SignedDuration = SignedDuration::from_hours(24);
const MOST_FORMER: usize = 10_000;

type Key = [u8; 32];

/// A session as a handler sees it.
#[derive(Clone)]
pub struct Session {
    /// The person, in the center in which they act.
    pub actor: Actor,
    /// What the person may be at each of their centers; the one they act in is among them.
    pub actors: Vec<Actor>,
    /// What every form sends back.
    pub csrf: String,
    key: Key,
}

struct Kept {
    actors: Vec<Actor>,
    current: usize,
    csrf: String,
    begun: Timestamp,
    used: Timestamp,
    flash: Option<Flash>,
}

/// Whose a token of forms was.
struct Former {
    id: String,
    center: Option<String>,
    since: Timestamp,
}

struct Away {
    pending: Pending,
    next: String,
    since: Timestamp,
}

/// All sessions of this process.
pub struct Sessions {
    clock: Clock,
    idle: SignedDuration,
    absolute: SignedDuration,
    kept: Mutex<HashMap<Key, Kept>>,
    away: Mutex<HashMap<Key, Away>>,
    former: Mutex<HashMap<Key, Former>>,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes for a session, check its entropy source")]
pub struct NoRandom;

impl Sessions {
    /// No sessions yet. The clock shows real time.
    pub fn new(config: &SessionConfig, clock: Clock) -> Self {
        Self {
            clock,
            idle: SignedDuration::from_mins(i64::from(config.idle_minutes)),
            absolute: SignedDuration::from_hours(i64::from(config.absolute_hours)),
            kept: Mutex::default(),
            away: Mutex::default(),
            former: Mutex::default(),
        }
    }

    /// Begins a session of somebody who may be one or several actors, as the first of them, and gives the token for the cookie.
    pub fn begin(&self, actors: Vec<Actor>) -> Result<String, NoRandom> {
        let (token, csrf, now) = (random()?, random()?, self.clock.now());
        let mut kept = lock(&self.kept);
        let ended = kept.extract_if(|_, session| !self.lives(session, now)).map(|(_, session)| session);
        ended.for_each(|session| self.remember(&session));
        kept.insert(key(&token), Kept { actors, current: 0, csrf, begun: now, used: now, flash: None });
        Ok(token)
    }

    /// The session of a token, if it still lives; being asked for counts as use.
    pub fn find(&self, token: &str) -> Option<Session> {
        let (key, now) = (key(token), self.clock.now());
        let mut kept = lock(&self.kept);
        let session = kept.get_mut(&key)?;
        if !self.lives(session, now) {
            kept.remove(&key).iter().for_each(|session| self.remember(session));
            return None;
        }
        session.used = now;
        let actor = session.actors.get(session.current)?.clone();
        Some(Session { actor, actors: session.actors.clone(), csrf: session.csrf.clone(), key })
    }

    /// Goes on as the same person at another of their centers. Forms that are still open from the center before are refused.
    pub fn act_in(&self, session: &Session, center: &str) -> Result<Option<Actor>, NoRandom> {
        let csrf = random()?;
        let mut kept = lock(&self.kept);
        let Some(session) = kept.get_mut(&session.key) else { return Ok(None) };
        let place = session.actors.iter().position(|actor| actor.center.as_deref() == Some(center));
        let Some(place) = place else { return Ok(None) };
        self.remember(session);
        (session.current, session.csrf, session.flash) = (place, csrf, None);
        Ok(Some(session.actors[place].clone()))
    }

    /// Ends a session.
    pub fn end(&self, session: &Session) {
        lock(&self.kept).remove(&session.key).iter().for_each(|session| self.remember(session));
    }

    /// Notes whose a session's token was.
    fn remember(&self, session: &Kept) {
        let (mut former, now) = (lock(&self.former), self.clock.now());
        former.retain(|_, one| now.duration_since(one.since) < FORMER_LASTS);
        let Some(actor) = session.actors.get(session.current).filter(|_| former.len() < MOST_FORMER) else { return };
        let one = Former { id: actor.id.clone(), center: actor.center.clone(), since: now };
        former.insert(key(&session.csrf), one);
    }

    /// Whether a form's token is or was that of a session of this person at this center. `None`: nobody knows any more whose it was.
    pub fn was_theirs(&self, csrf: &str, actor: &Actor) -> Option<bool> {
        let is_theirs = |id: &str, center: &Option<String>| id == actor.id && *center == actor.center;
        let lives = lock(&self.kept)
            .values()
            .find(|session| same_token(&session.csrf, csrf))
            .and_then(|session| session.actors.get(session.current))
            .map(|owner| is_theirs(&owner.id, &owner.center));
        lives.or_else(|| lock(&self.former).get(&key(csrf)).map(|one| is_theirs(&one.id, &one.center)))
    }

    /// Whether it is known whose a form's token was.
    pub fn is_known(&self, csrf: &str) -> bool {
        lock(&self.former).contains_key(&key(csrf))
    }

    /// Keeps what the next page says about the last action.
    pub fn tell(&self, session: &Session, flash: Flash) {
        if let Some(kept) = lock(&self.kept).get_mut(&session.key) {
            kept.flash = Some(flash);
        }
    }

    /// Takes it; it is said once.
    pub fn told(&self, session: &Session) -> Option<Flash> {
        lock(&self.kept).get_mut(&session.key)?.flash.take()
    }

    /// Keeps a sign-in while the person is at the provider, by the browser that began it.
    pub fn send_away(&self, browser: &str, pending: Pending, next: String) {
        let now = self.clock.now();
        let mut away = lock(&self.away);
        away.retain(|_, one| now.duration_since(one.since) < PENDING_LASTS);
        if away.len() < MOST_PENDING {
            away.insert(key(browser), Away { pending, next, since: now });
        }
    }

    /// The sign-in that this browser began, once.
    pub fn come_back(&self, browser: &str) -> Option<(Pending, String)> {
        let found = lock(&self.away).remove(&key(browser))?;
        let lives = self.clock.now().duration_since(found.since) < PENDING_LASTS;
        lives.then_some((found.pending, found.next))
    }

    fn lives(&self, session: &Kept, now: Timestamp) -> bool {
        now.duration_since(session.used) < self.idle && now.duration_since(session.begun) < self.absolute
    }
}

/// Whether a form's token is the expected one, in a time that does not depend on where they differ.
pub fn same_token(expected: &str, sent: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), sent.as_bytes()).into()
}

/// The token that a form of the sign-in page sends back for a browser's cookie: nobody is signed in yet, so it is made
/// from the cookie, which another site can neither read nor set.
pub fn door_token(browser: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, format!("door:{browser}").as_bytes()))
}

/// 256 random bits as text.
pub fn random() -> Result<String, NoRandom> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn key(token: &str) -> Key {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    key
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Tone;

    fn sessions() -> (Sessions, Clock) {
        let clock = Clock::manual(Timestamp::from_second(1_000_000).expect("time"));
        (Sessions::new(&SessionConfig::default(), clock.clone()), clock)
    }

    fn dana() -> Actor {
        Actor::staff("dana", "Dana", "harbor-valley", vec![causeway_auth::Role::Coordinator])
    }

    #[test]
    fn a_session_ends_after_half_an_hour_without_use() {
        let (sessions, clock) = sessions();
        let token = sessions.begin(vec![dana()]).expect("begun");
        for _ in 0..4 {
            clock.advance(SignedDuration::from_mins(29));
            assert!(sessions.find(&token).is_some());
        }
        clock.advance(SignedDuration::from_mins(30));
        assert!(sessions.find(&token).is_none());
        clock.advance(SignedDuration::from_mins(-30));
        assert!(sessions.find(&token).is_none(), "it does not come back");
    }

    #[test]
    fn a_session_ends_after_ten_hours_of_use() {
        let (sessions, clock) = sessions();
        let token = sessions.begin(vec![dana()]).expect("begun");
        for _ in 0..29 {
            clock.advance(SignedDuration::from_mins(20));
            assert!(sessions.find(&token).is_some());
        }
        clock.advance(SignedDuration::from_mins(20));
        assert!(sessions.find(&token).is_none());
    }

    #[test]
    fn an_ended_or_unknown_token_finds_nobody() {
        let (sessions, _) = sessions();
        let token = sessions.begin(vec![dana()]).expect("begun");
        let session = sessions.find(&token).expect("found");
        sessions.end(&session);
        assert!(sessions.find(&token).is_none());
        assert!(sessions.find("").is_none());
    }

    #[test]
    fn a_forms_token_differs_by_session_and_from_the_cookie() {
        let (sessions, _) = sessions();
        let (one, other) = (sessions.begin(vec![dana()]).expect("begun"), sessions.begin(vec![dana()]).expect("begun"));
        let (first, second) = (sessions.find(&one).expect("found"), sessions.find(&other).expect("found"));
        assert!(same_token(&first.csrf, &first.csrf.clone()));
        assert!(!same_token(&first.csrf, &second.csrf));
        assert!(!same_token(&first.csrf, ""));
        assert_ne!(first.csrf, one);
        assert_eq!(one.len(), 43, "256 bits");
    }

    #[test]
    fn at_another_center_a_person_has_its_roles_and_a_token_of_its_own() {
        let (sessions, _) = sessions();
        let south = Actor::staff("dana", "Dana", "lakeside", vec![causeway_auth::Role::Analyst]);
        let token = sessions.begin(vec![dana(), south.clone()]).expect("begun");
        let before = sessions.find(&token).expect("found");
        assert!(sessions.act_in(&before, "elsewhere").expect("random").is_none());
        assert_eq!(sessions.act_in(&before, "lakeside").expect("random"), Some(south.clone()));
        let after = sessions.find(&token).expect("found");
        assert!(after.actor == south && after.csrf != before.csrf);
    }

    #[test]
    fn whose_a_token_was_is_known_for_a_day_however_the_session_ended() {
        let (sessions, clock) = sessions();
        let south = Actor::staff("dana", "Dana", "lakeside", vec![causeway_auth::Role::Analyst]);
        let claire = Actor::staff("claire", "Claire", "harbor-valley", vec![causeway_auth::Role::Coordinator]);
        let begin = || {
            let token = sessions.begin(vec![dana(), south.clone()]).expect("begun");
            (token.clone(), sessions.find(&token).expect("found"))
        };
        let (_, lives) = begin();
        let (_, ended) = begin();
        sessions.end(&ended);
        let (_, moved) = begin();
        sessions.act_in(&moved, "lakeside").expect("random");
        let (token, idle) = begin();
        for session in [&lives, &ended, &moved] {
            assert_eq!(sessions.was_theirs(&session.csrf, &dana()), Some(true));
            assert_eq!(sessions.was_theirs(&session.csrf, &south), Some(false), "it is of the other center");
            assert_eq!(sessions.was_theirs(&session.csrf, &claire), Some(false));
        }
        clock.advance(SignedDuration::from_hours(1));
        assert!(sessions.find(&token).is_none());
        assert!(sessions.is_known(&idle.csrf) && sessions.was_theirs(&idle.csrf, &dana()) == Some(true));
        assert_eq!(sessions.was_theirs("guess", &dana()), None);
        clock.advance(FORMER_LASTS);
        let (_, last) = begin();
        sessions.end(&last);
        assert_eq!(sessions.was_theirs(&ended.csrf, &dana()), None, "after a day nobody knows");
    }

    #[test]
    fn what_an_action_did_is_said_once() {
        let (sessions, _) = sessions();
        let session = sessions.find(&sessions.begin(vec![dana()]).expect("begun")).expect("found");
        sessions.tell(&session, Flash { text: "Saved.".to_owned(), tone: Tone::Ok });
        assert_eq!(sessions.told(&session).map(|flash| flash.text), Some("Saved.".to_owned()));
        assert!(sessions.told(&session).is_none());
    }
}
