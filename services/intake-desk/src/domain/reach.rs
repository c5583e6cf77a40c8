//! What somebody may be given who asks for the next inquiry: of which teams, and in which languages.
//!
//! An inquiry waits for a colleague who speaks the person's language only while such a colleague of its team has duty hours and
//! until an hour before it is due: else whoever asks gets it, with an interpreter, so that none is passed over for good where the
//! colleague is away. Deliberately not here: which one is the next (the store; what is due first).

use causeway_funnel::profile::Profile;
use jiff::Timestamp;

/// One team whose inquiries somebody may be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The team.
    pub team: String,
    /// Languages that are left to colleagues of the team who speak them and are on duty, in order.
    pub not_mine: Vec<String>,
}

/// The teams of a member of staff, or the one that they ask for. Whoever the profile does not know works for all.
pub fn reach(profile: &Profile, staff: &str, asked: &str, now: Timestamp) -> Vec<Reach> {
    let me = profile.staff(staff);
    let teams: Vec<&str> = match (asked, me) {
        ("", Some(me)) => me.teams.iter().map(String::as_str).collect(),
        ("", None) => profile.teams.teams.iter().map(|team| team.id.as_str()).collect(),
        (team, _) => vec![team],
    };
    let of = |team: &str| {
        let mut not_mine: Vec<String> = Vec::new();
        if let Some(me) = me {
            let colleagues = profile.staff_of(team).filter(|other| other.id != me.id);
            let on_duty = colleagues.filter(|other| profile.duty(&other.id).is_open(now));
            not_mine.extend(on_duty.flat_map(|other| other.languages.iter().cloned()));
            not_mine.retain(|language| !me.languages.contains(language));
            not_mine.sort_unstable();
            not_mine.dedup();
        }
        Reach { team: team.to_owned(), not_mine }
    };
    teams.into_iter().map(of).collect()
}
