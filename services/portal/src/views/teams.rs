//! Teams in words: queues, duty, absences, and what was sent on.
//!
//! Deliberately not here: asking the services (handlers).

use causeway_auth::{Action, Actor, policy};
use causeway_funnel::profile::{Profile, Staff, Team};
use causeway_funnel::reroute::RerouteReason;
use causeway_proto::intake::v1::{Queue, QueueShare};
use causeway_proto::routing::v1::{Absence, Duty, ListReroutesResponse};
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::times;
use super::worklist::owner;
use crate::pages::{AwayRow, RerouteRow, Reroutes, SelectOption, TeamPerson, TeamRow};
use crate::words::EN;

/// Who looks, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
    /// Who looks.
    pub actor: &'a Actor,
}

impl Looking<'_> {
    /// A row for each team of the profile, and for one that left it with work still open. `duty`: none where routing does not tell.
    pub fn rows(&self, queues: &[Queue], duty: Option<&[Duty]>) -> Vec<TeamRow> {
        let known = self.profile.teams.teams.iter().map(|team| {
            let queue = queues.iter().find(|queue| queue.team == team.id).cloned().unwrap_or_default();
            self.row(&team.id, &queue, duty)
        });
        let gone = queues.iter().filter(|queue| self.profile.team(&queue.team).is_none());
        known.chain(gone.map(|queue| self.row(&queue.team, queue, duty))).collect()
    }

    fn row(&self, team: &str, queue: &Queue, duty: Option<&[Duty]>) -> TeamRow {
        let share = |id: &str| queue.shares.iter().find(|share| share.owner == id);
        let of_team = |id: &str| self.profile.staff_of(team).any(|staff| staff.id == id);
        // Who works for the team without being of it stands behind its people.
        let others = queue.shares.iter().filter(|share| !share.owner.is_empty() && !of_team(&share.owner));
        let people = self.profile.staff_of(team).map(|staff| self.person(&staff.id, share(&staff.id), duty));
        TeamRow {
            name: self.team(team),
            url: format!("/worklist?view=all&team={team}"),
            open: queue.open,
            late: queue.late,
            unowned: queue.unowned,
            next_due: self.at(queue.next_due_at),
            people: people.chain(others.map(|share| self.person(&share.owner, Some(share), duty))).collect(),
        }
    }

    fn person(&self, id: &str, share: Option<&QueueShare>, duty: Option<&[Duty]>) -> TeamPerson {
        let (open, late) = share.map_or((0, 0), |share| (share.open, share.late));
        let now = self.now.as_microsecond();
        let known = duty.and_then(|duty| duty.iter().find(|one| one.staff == id));
        let is_away = |duty: &Duty| duty.absences.iter().any(|one| one.from <= now && now < one.to);
        TeamPerson {
            name: self.name(id),
            duty: match known {
                None => "",
                Some(duty) if is_away(duty) => "away",
                Some(duty) if duty.on_duty => "on duty",
                Some(_) => "off duty",
            },
            load: match (open, late) {
                (0, _) => "nothing open".to_owned(),
                (open, 0) => format!("{open} open"),
                (open, late) => format!("{open} open, {late} late"),
            },
        }
    }

    /// Who is away or will be, the first one first.
    pub fn away(&self, duty: &[Duty]) -> Vec<AwayRow> {
        let mut all: Vec<&Absence> = duty.iter().flat_map(|person| &person.absences).collect();
        all.sort_by_key(|absence| (absence.from, absence.to));
        let row = |absence: &&Absence| AwayRow {
            id: absence.absence_id.clone(),
            name: self.name(&absence.staff),
            when: format!("{} to {}", self.at(absence.from), self.at(absence.to)),
            may_end: self.may_enter(&absence.staff),
        };
        all.iter().map(row).collect()
    }

    /// Whose absence the one who looks may enter; their own stands ready.
    pub fn staff(&self) -> Vec<SelectOption> {
        let one = |staff: &Staff| SelectOption {
            value: staff.id.clone(),
            label: staff.name.clone(),
            selected: staff.id == self.actor.id,
        };
        self.profile.teams.staff.iter().filter(|staff| self.may_enter(&staff.id)).map(one).collect()
    }

    fn may_enter(&self, staff: &str) -> bool {
        let action = if self.actor.id == staff { Action::WorkInquiry } else { Action::Reassign };
        policy::may(self.actor, action, &self.profile.center.id).is_ok()
    }

    /// What was sent to another team.
    pub fn reroutes(&self, counted: &ListReroutesResponse) -> Reroutes {
        let all: i64 = counted.counts.iter().map(|one| one.count).sum();
        let reason = |word: &str| word.parse::<RerouteReason>().unwrap_or_default().label("en");
        Reroutes {
            share: match (all, counted.decided) {
                (0, _) => "No inquiry was sent to another team.".to_owned(),
                (1, decided) => format!("1 time, of {decided} inquiries that the routing table decided on."),
                (all, decided) => format!("{all} times, of {decided} inquiries that the routing table decided on."),
            },
            rows: counted
                .counts
                .iter()
                .map(|one| RerouteRow {
                    row: one.row.clone(),
                    way: format!("{} to {}", self.team(&one.from_team), self.team(&one.to_team)),
                    reason: reason(&one.reason).to_owned(),
                    count: one.count,
                })
                .collect(),
        }
    }

    /// What a field for a day and a time says, in the center's zone; 0: nothing that can be read.
    pub fn instant(&self, typed: &str) -> i64 {
        let local = typed.parse::<DateTime>().ok();
        let at = local.and_then(|local| self.profile.zone().to_timestamp(local).ok());
        at.map_or(0, Timestamp::as_microsecond)
    }

    fn at(&self, micros: i64) -> String {
        times::zoned(micros, self.profile.zone()).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default()
    }

    fn name(&self, id: &str) -> String {
        owner(self.profile, id).unwrap_or_default()
    }

    fn team(&self, id: &str) -> String {
        self.profile.team(id).map_or_else(|| id.to_owned(), |team: &Team| team.name.get("en").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use causeway_auth::Role;
    use causeway_proto::routing::v1::RerouteCount;

    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn now() -> Timestamp {
        // A Wednesday, 14:00 in Seattle.
        "2027-03-03T22:00:00Z".parse().expect("time")
    }

    fn looking<'a>(profile: &'a Profile, actor: &'a Actor) -> Looking<'a> {
        Looking { profile, now: now(), actor }
    }

    fn dana(role: Role) -> Actor {
        Actor::staff("dana-whitfield", "Dana", "harbor-valley", vec![role])
    }

    #[test]
    fn each_team_has_its_queue_and_says_of_each_of_its_people_whether_they_are_there_and_what_they_hold() {
        let (profile, actor) = (harbor_valley(), dana(Role::Coordinator));
        let hour = 3_600_000_000;
        let at = now().as_microsecond();
        let share = |owner: &str, open, late| QueueShare { owner: owner.into(), open, late, next_due_at: 0 };
        let queue = |team: &str| Queue {
            team: team.into(),
            open: 5,
            late: 1,
            unowned: 2,
            next_due_at: at + hour,
            shares: vec![share("", 2, 0), share("luis-ortega", 2, 1), share("mei-tanaka", 1, 0)],
        };
        let away = Absence {
            absence_id: "a".into(),
            staff: "luis-ortega".into(),
            from: at - hour,
            to: at + hour,
            ..Absence::default()
        };
        let duty = [
            Duty { staff: "luis-ortega".into(), absences: vec![away], ..Duty::default() },
            Duty { staff: "grace-okafor".into(), on_duty: true, ..Duty::default() },
        ];
        let looking = looking(&profile, &actor);
        let rows = looking.rows(&[queue("breast"), queue("gone-team")], Some(&duty));
        assert_eq!(
            rows.len(),
            profile.teams.teams.len() + 1,
            "work of a team that left the profile is not lost sight of"
        );
        let breast = rows.iter().find(|row| row.name == "Breast care team").expect("a row");
        assert_eq!((breast.open, breast.unowned, breast.next_due.as_str()), (5, 2, "Today 3 pm"));
        let said: Vec<String> =
            breast.people.iter().map(|one| format!("{}, {}: {}", one.name, one.duty, one.load)).collect();
        assert_eq!(
            said,
            ["Luis Ortega, away: 2 open, 1 late", "Grace Okafor, on duty: nothing open", "Mei Tanaka, : 1 open"]
        );
        assert_eq!(looking.away(&duty)[0].when, "Today 1 pm to Today 3 pm");
    }

    #[test]
    fn one_enters_ones_own_absence_and_a_manager_everybodys() {
        let profile = harbor_valley();
        let own = dana(Role::Coordinator);
        let staff = looking(&profile, &own).staff();
        assert_eq!(
            staff.iter().map(|one| (one.value.as_str(), one.selected)).collect::<Vec<_>>(),
            [("dana-whitfield", true)]
        );
        let manager = dana(Role::Manager);
        assert_eq!(looking(&profile, &manager).staff().len(), profile.teams.staff.len());
        let auditor = dana(Role::Auditor);
        assert!(looking(&profile, &auditor).staff().is_empty());
    }

    #[test]
    fn a_typed_day_and_time_is_meant_at_the_center_and_rubbish_is_no_time() {
        let (profile, actor) = (harbor_valley(), dana(Role::Manager));
        let looking = looking(&profile, &actor);
        assert_eq!(looking.instant("2027-03-03T14:00"), now().as_microsecond());
        assert_eq!((looking.instant(""), looking.instant("soon")), (0, 0));
    }

    #[test]
    fn what_was_sent_on_is_told_by_names_and_as_a_share() {
        let (profile, actor) = (harbor_valley(), dana(Role::Manager));
        let one = RerouteCount {
            row: "6".into(),
            from_team: "breast".into(),
            to_team: "trials".into(),
            reason: "trial".into(),
            count: 3,
        };
        let counted = ListReroutesResponse { counts: vec![one], decided: 40 };
        let shown = looking(&profile, &actor).reroutes(&counted);
        assert_eq!(shown.share, "3 times, of 40 inquiries that the routing table decided on.");
        assert_eq!(
            (shown.rows[0].way.as_str(), shown.rows[0].reason.as_str()),
            ("Breast care team to Clinical trials team", "A question about a trial")
        );
    }
}
