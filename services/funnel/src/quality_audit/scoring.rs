//! From answers to a score, from two readings to their agreement.
//!
//! Deliberately not here: whose work it was, and any comparison of people.

use super::{Answer, SecondReader};

/// An answered item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Id of the item.
    pub item: String,
    /// How much it counts.
    pub weight: u32,
    /// The answer.
    pub answer: Answer,
}

/// Percent of the weight that was met, rounded half up; nothing where no item applies.
#[must_use]
pub fn score(marks: &[Mark]) -> Option<u32> {
    let weight = |wanted: fn(Answer) -> bool| -> u64 {
        marks.iter().filter(|mark| wanted(mark.answer)).map(|mark| u64::from(mark.weight)).sum()
    };
    let (met, all) = (weight(|answer| answer == Answer::Yes), weight(|answer| answer != Answer::NotApplicable));
    (all > 0).then(|| u32::try_from((200 * met + all) / (2 * all)).unwrap_or(100))
}

/// Whether the two readers have to settle it. An item that one of them does not have is no difference: the checklist changed between.
#[must_use]
pub fn differ(one: &[Mark], other: &[Mark], rule: &SecondReader) -> bool {
    let of = |item: &str| other.iter().find(|mark| mark.item == item).map(|mark| mark.answer);
    let on_an_item = one.iter().any(|mark| of(&mark.item).is_some_and(|answer| answer != mark.answer));
    let apart = match (score(one), score(other)) {
        (Some(one), Some(other)) => one.abs_diff(other) > rule.points,
        (None, None) => false,
        _ => true,
    };
    apart || (rule.each_item && on_an_item)
}

/// How often two readers gave the same answer to an item: the count of each pair of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// By the first reader's answer and the second's.
    pairs: [[u64; 3]; 3],
}

impl Agreement {
    /// Counts so many pairs.
    pub fn add(&mut self, first: Answer, second: Answer, count: u64) {
        self.pairs[first as usize][second as usize] += count;
    }

    /// How many pairs there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.pairs.iter().flatten().sum()
    }

    /// How many of them are the same.
    #[must_use]
    pub fn same(&self) -> u64 {
        (0..3).map(|place| self.pairs[place][place]).sum()
    }

    /// Cohen's kappa: agreement beyond what the readers' habits alone would give, 1 for all and 0 for none beyond. Nothing where
    /// there is no pair or where both always give one and the same answer, because then it is not defined.
    ///
    /// J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960), 37-46.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of audits are far below 2^52")]
    pub fn kappa(&self) -> Option<f64> {
        let all = self.count() as f64;
        let first = |place: usize| self.pairs[place].iter().sum::<u64>() as f64;
        let second = |place: usize| self.pairs.iter().map(|row| row[place]).sum::<u64>() as f64;
        let by_habit: f64 = (0..3).map(|place| first(place) * second(place)).sum::<f64>() / (all * all);
        let observed = self.same() as f64 / all;
        (all > 0.0 && by_habit < 1.0).then(|| (observed - by_habit) / (1.0 - by_habit))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(item: &str, weight: u32, answer: Answer) -> Mark {
        Mark { item: item.into(), weight, answer }
    }

    #[test]
    fn a_score_is_by_weight_and_without_what_does_not_apply() {
        let marks = [mark("a", 3, Answer::Yes), mark("b", 1, Answer::No), mark("c", 90, Answer::NotApplicable)];
        assert_eq!(score(&marks), Some(75));
        assert_eq!(score(&marks[2..]), None);
        assert_eq!(score(&[]), None);
        let thirds = [mark("a", 1, Answer::Yes), mark("b", 1, Answer::Yes), mark("c", 1, Answer::No)];
        assert_eq!(score(&thirds), Some(67));
    }

    fn answers() -> impl Strategy<Value = Vec<Mark>> {
        let one = (1_u32..100, 0_usize..3).prop_map(|(weight, place)| mark("x", weight, Answer::ALL[place]));
        proptest::collection::vec(one, 0..20)
    }

    proptest! {
        #[test]
        fn a_better_answer_never_lowers_a_score_and_none_is_above_a_hundred(marks in answers(), place in 0_usize..20) {
            let before = score(&marks);
            prop_assert!(before.is_none_or(|score| score <= 100));
            let mut better = marks;
            if let Some(mark) = better.get_mut(place) && mark.answer == Answer::No {
                mark.answer = Answer::Yes;
                prop_assert!(score(&better) >= before);
            }
        }
    }

    #[test]
    fn two_readers_settle_what_is_further_apart_than_the_center_says_or_differs_on_an_item() {
        let rule = |each_item| SecondReader { percent: 10, points: 10, each_item };
        let one = [mark("a", 9, Answer::Yes), mark("b", 1, Answer::Yes)];
        let near = [mark("a", 9, Answer::Yes), mark("b", 1, Answer::No)];
        let far = [mark("a", 9, Answer::No), mark("b", 1, Answer::Yes)];
        assert!(!differ(&one, &one, &rule(true)));
        assert!(differ(&one, &near, &rule(true)) && !differ(&one, &near, &rule(false)));
        assert!(differ(&one, &far, &rule(false)));
        assert!(differ(&one, &[mark("a", 9, Answer::NotApplicable)], &rule(false)), "one has no score");
    }

    #[test]
    fn kappa_is_as_in_the_usual_example() {
        // 50 pairs: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no; observed 0.7, by habit 0.5.
        let mut agreement = Agreement::default();
        for (first, second, count) in [
            (Answer::Yes, Answer::Yes, 20),
            (Answer::Yes, Answer::No, 5),
            (Answer::No, Answer::Yes, 10),
            (Answer::No, Answer::No, 15),
        ] {
            agreement.add(first, second, count);
        }
        assert_eq!((agreement.count(), agreement.same()), (50, 35));
        assert!((agreement.kappa().unwrap() - 0.4).abs() < 1e-9);
        assert_eq!(Agreement::default().kappa(), None);
        let mut always = Agreement::default();
        always.add(Answer::Yes, Answer::Yes, 8);
        assert_eq!(always.kappa(), None);
    }
}
