//! Which free slots are offered: the first ones near the person, and always some at other sites too.
//!
//! A list that holds the nearest site alone would hide an earlier date elsewhere, so a third of the places is kept for
//! the other sites, as far as they have dates.

use causeway_funnel::booking::Slot;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Nothing but this site.
    pub only: Option<&'a str>,
    /// The site that comes first: the one preferred or routed to.
    pub home: Option<&'a str>,
    /// How many, at most.
    pub limit: usize,
}

/// The site that comes first: the person's wish, else the routed one, where the rule allows the visit there.
#[must_use]
pub fn home<'a>(sites: &[String], preferred: Option<&'a str>, routed: Option<&'a str>) -> Option<&'a str> {
    let allowed = |site: &&str| sites.iter().any(|allowed| allowed == site);
    preferred.filter(allowed).or_else(|| routed.filter(allowed))
}

/// Chooses from slots that come soonest first; keeps that order within the home site and within the others.
#[must_use]
pub fn choose(slots: Vec<Slot>, is_free: impl Fn(&Slot) -> bool, wanted: &Wanted<'_>) -> Vec<Slot> {
    let free = slots.into_iter().filter(is_free).filter(|slot| wanted.only.is_none_or(|only| only == slot.site));
    let (mut near, mut far): (Vec<Slot>, Vec<Slot>) =
        free.partition(|slot| wanted.home.is_none_or(|home| home == slot.site));
    let kept_for_far = (wanted.limit / 3).min(far.len());
    near.truncate(wanted.limit - kept_for_far);
    far.truncate(wanted.limit - near.len());
    near.append(&mut far);
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diary::tests::{at, usual};
    use causeway_funnel::inquiry::Facts;
    use proptest::prelude::*;

    fn slots() -> Vec<Slot> {
        let diary = usual();
        let rule = diary.rule(&Facts::default()).unwrap();
        diary.slots(rule, at("2026-11-24T00:00:00Z"), at("2026-12-08T00:00:00Z"))
    }

    fn sites(slots: &[Slot]) -> Vec<&str> {
        slots.iter().map(|slot| slot.site.as_str()).collect()
    }

    #[test]
    fn the_home_site_comes_first_and_other_sites_keep_a_third() {
        let chosen = choose(slots(), |_| true, &Wanted { only: None, home: Some("main"), limit: 6 });
        assert_eq!(sites(&chosen), ["main", "main", "main", "main", "east", "east"]);
        let chosen = choose(slots(), |_| true, &Wanted { only: None, home: Some("east"), limit: 3 });
        assert_eq!(sites(&chosen), ["east", "east", "main"]);
    }

    #[test]
    fn places_that_one_part_cannot_fill_go_to_the_other() {
        let full = |site: &'static str| move |slot: &Slot| slot.site != site;
        let wanted = Wanted { only: None, home: Some("main"), limit: 6 };
        assert_eq!(sites(&choose(slots(), full("main"), &wanted)), ["east"; 6]);
        assert_eq!(sites(&choose(slots(), full("east"), &wanted)), ["main"; 6]);
    }

    #[test]
    fn a_wish_for_one_site_gets_that_site_alone() {
        let chosen = choose(slots(), |_| true, &Wanted { only: Some("east"), home: Some("main"), limit: 4 });
        assert_eq!(sites(&chosen), ["east"; 4]);
    }

    #[test]
    fn the_wish_of_the_person_goes_before_the_routed_site_and_both_before_none() {
        let sites = ["main".to_owned(), "east".to_owned()];
        assert_eq!(home(&sites, Some("east"), Some("main")), Some("east"));
        assert_eq!(home(&sites, Some("closed-down"), Some("main")), Some("main"));
        assert_eq!(home(&sites, None, None), None);
    }

    proptest! {
        #[test]
        fn what_is_offered_is_free_within_the_limit_and_in_order(limit in 1_usize..20, taken in 0_u32..7, home in 0_usize..3) {
            let all = slots();
            let free = |slot: &Slot| !slot.start.as_second().unsigned_abs().is_multiple_of(u64::from(taken) + 2);
            let wanted = Wanted { only: None, home: [None, Some("main"), Some("east")][home], limit };
            let chosen = choose(all.clone(), free, &wanted);
            let free_count = all.iter().filter(|slot| free(slot)).count();
            prop_assert_eq!(chosen.len(), limit.min(free_count));
            prop_assert!(chosen.iter().all(free));
            for site in ["main", "east"] {
                let starts: Vec<_> = chosen.iter().filter(|slot| slot.site == site).map(|slot| slot.start).collect();
                prop_assert!(starts.is_sorted());
            }
        }
    }
}
