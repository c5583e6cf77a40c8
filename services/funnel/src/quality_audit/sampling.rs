//! Which inquiries a rule draws: the same ones for the same center, rule and week, however often it is asked.
//!
//! Each inquiry has a number that is a keyed hash over the four; the smallest ones are drawn. So no seed has to be kept for a week, who
//! has the key can draw again and comes to the same, and an inquiry that is added or gone moves no other one in or out of a share. Ids
//! are no secret, the key is: who knows the ids alone can not work out whom a week will meet. Deliberately not here: where the key
//! comes from, and what has been drawn already; the desk has both.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use super::{How, Sample};

/// An inquiry that may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub inquiry_id: Uuid,
    /// Whose work it is.
    pub person: String,
}

/// The Monday of the week in which an instant lies, by the center's clock.
#[must_use]
pub fn week_of(now: Timestamp, zone: &TimeZone) -> Date {
    let day = zone.to_datetime(now).date();
    day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days())
}

/// When a week begins; a night without midnight begins it an hour later.
#[must_use]
pub fn begins(week: Date, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(week.at(0, 0, 0, 0)).compatible().unwrap_or(Timestamp::MAX)
}

/// The week after.
#[must_use]
pub fn next_week(week: Date) -> Date {
    week.saturating_add(7.days())
}

/// The key of a center's draws.
pub struct DrawKey(hmac::Key);

impl DrawKey {
    /// From a secret that is for this alone.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A number from nothing to the largest one, the same for the same words.
    fn chance(&self, purpose: &str, center: &str, week: Date, id: Uuid) -> u64 {
        let text = format!("{purpose}\n{center}\n{week}\n{id}");
        let tag = hmac::sign(&self.0, text.as_bytes());
        tag.as_ref().first_chunk::<8>().map_or(u64::MAX, |first| u64::from_be_bytes(*first))
    }
}

fn is_in_share(chance: u64, percent: u32) -> bool {
    (u128::from(chance) * 100) >> 64 < u128::from(percent)
}

/// Those that the rule draws, in the order of their numbers.
#[must_use]
pub fn drawn(sample: &Sample, key: &DrawKey, (center, week): (&str, Date), candidates: &[Candidate]) -> Vec<Uuid> {
    let mut ranked: Vec<(u64, &Candidate)> =
        candidates.iter().map(|one| (key.chance(&sample.id, center, week, one.inquiry_id), one)).collect();
    ranked.sort_unstable_by_key(|(chance, one)| (*chance, one.inquiry_id));
    ranked.dedup_by_key(|(_, one)| one.inquiry_id);
    let amount = usize::try_from(sample.amount).unwrap_or(usize::MAX);
    match sample.how {
        How::Share => ranked.retain(|(chance, _)| is_in_share(*chance, sample.amount)),
        How::Number => ranked.truncate(amount),
        How::PerPerson => {
            let mut of: BTreeMap<&str, usize> = BTreeMap::new();
            ranked.retain(|(_, one)| {
                let count = of.entry(&one.person).or_default();
                *count += 1;
                *count <= amount
            });
        }
    }
    ranked.into_iter().map(|(_, one)| one.inquiry_id).collect()
}

/// Whether somebody else reads this audit as well.
#[must_use]
pub fn wants_second(percent: u32, key: &DrawKey, (center, week): (&str, Date), audit_id: Uuid) -> bool {
    is_in_share(key.chance("second reader", center, week, audit_id), percent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(how: How, amount: u32) -> Sample {
        Sample { id: "weekly".into(), how, amount, outcomes: vec![], look_back_days: 7 }
    }

    fn candidates(count: u128, people: u128) -> Vec<Candidate> {
        let one = |number: u128| Candidate {
            inquiry_id: Uuid::from_u128(number * 7_919),
            person: format!("person-{}", number % people),
        };
        (0..count).map(one).collect()
    }

    fn key() -> DrawKey {
        DrawKey::new(b"a key of these tests")
    }

    fn week() -> Date {
        jiff::civil::date(2027, 3, 1)
    }

    #[test]
    fn a_week_begins_on_monday_by_the_centers_clock() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let at = |text: &str| week_of(text.parse().unwrap(), &zone);
        // Sunday evening in Seattle is Monday by the universal clock.
        assert_eq!(at("2027-03-08T05:00:00Z"), week());
        assert_eq!(at("2027-03-08T08:00:00Z"), next_week(week()));
        assert_eq!(begins(week(), &zone), "2027-03-01T08:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_share_is_met_uniformly_over_many_weeks() {
        let (rule, all) = (sample(How::Share, 10), candidates(1_000, 5));
        let mut met = BTreeMap::new();
        for number in 0..200 {
            let week = week().saturating_add((number * 7).days());
            for id in drawn(&rule, &key(), ("north", week), &all) {
                *met.entry(id).or_insert(0_u32) += 1;
            }
        }
        let total: u32 = met.values().sum();
        // 200,000 chances of a tenth: six standard deviations are 805.
        assert!(total.abs_diff(20_000) < 805, "{total}");
        // Each inquiry is met 20 times of 200; the deviation of one is 4.24, and of a thousand none is eight of it away.
        assert!(met.len() == 1_000 && met.values().all(|count| (1..=54).contains(count)));
        // Pearson's chi-squared over the inquiries, 1000 degrees of freedom scaled by 0.9: six deviations around 900.
        let chi: f64 = met.values().map(|count| (f64::from(*count) - 20.0).powi(2) / 20.0).sum();
        assert!((650.0..1_150.0).contains(&chi), "{chi}");
    }

    proptest! {
        #[test]
        fn the_same_is_drawn_in_whatever_order_it_is_asked(seed in any::<u64>(), amount in 1_u32..20, how in 0_usize..3) {
            let rule = sample(How::ALL[how], amount);
            let all = candidates(200, 7);
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|one| one.inquiry_id.as_u128().wrapping_mul(u128::from(seed | 1)));
            let twice: Vec<Candidate> = shuffled.iter().chain(&all).cloned().collect();
            let once = drawn(&rule, &key(), ("north", week()), &all);
            prop_assert_eq!(&once, &drawn(&rule, &key(), ("north", week()), &twice));
            prop_assert_ne!(&once, &drawn(&rule, &key(), ("north", next_week(week())), &all));
        }

        #[test]
        fn as_many_are_drawn_as_the_rule_says_and_of_each_person_where_it_does(
            count in 0_u128..120, people in 1_u128..9, amount in 1_u32..12,
        ) {
            let all = candidates(count, people);
            let number = drawn(&sample(How::Number, amount), &key(), ("north", week()), &all);
            prop_assert_eq!(number.len(), all.len().min(amount as usize));
            let each = drawn(&sample(How::PerPerson, amount), &key(), ("north", week()), &all);
            for person in 0..people {
                let of = |id: &&Uuid| all.iter().any(|one| one.inquiry_id == **id && one.person == format!("person-{person}"));
                let has = all.iter().filter(|one| one.person == format!("person-{person}")).count();
                prop_assert_eq!(each.iter().filter(of).count(), has.min(amount as usize));
            }
        }

        #[test]
        fn an_inquiry_that_is_gone_moves_no_other_one_in_or_out_of_a_share(gone in 0_usize..150, percent in 1_u32..100) {
            let (rule, mut all) = (sample(How::Share, percent), candidates(150, 3));
            let before = drawn(&rule, &key(), ("north", week()), &all);
            let left = all.swap_remove(gone).inquiry_id;
            let after = drawn(&rule, &key(), ("north", week()), &all);
            prop_assert_eq!(after, before.into_iter().filter(|id| *id != left).collect::<Vec<_>>());
        }
    }

    #[test]
    fn another_key_draws_others_so_that_ids_alone_tell_nothing() {
        let (mine, same, other) = (key(), key(), DrawKey::new(b"another key of these tests"));
        for how in How::ALL {
            let (rule, all) = (sample(*how, 20), candidates(300, 3));
            let with = |key| drawn(&rule, key, ("north", week()), &all);
            assert_eq!(with(&mine), with(&same), "{how}");
            let (drawn, otherwise) = (with(&mine), with(&other));
            // By luck a fifth of what one key draws is drawn with the other one too.
            let both = drawn.iter().filter(|id| otherwise.contains(id)).count();
            assert!(both * 2 < drawn.len(), "{how}: {both} of {}", drawn.len());
        }
        let second = |key| {
            candidates(300, 3)
                .iter()
                .map(|one| wants_second(50, key, ("north", week()), one.inquiry_id))
                .collect::<Vec<_>>()
        };
        assert_ne!(second(&mine), second(&other));
    }

    #[test]
    fn all_and_none_are_shares_too() {
        let all = candidates(300, 3);
        assert_eq!(drawn(&sample(How::Share, 100), &key(), ("north", week()), &all).len(), 300);
        assert!(drawn(&sample(How::Share, 0), &key(), ("north", week()), &all).is_empty());
        assert!(all.iter().all(|one| wants_second(100, &key(), ("north", week()), one.inquiry_id)));
        assert!(!all.iter().any(|one| wants_second(0, &key(), ("north", week()), one.inquiry_id)));
    }
}
