//! What people said of links: who is one person by it, and which word would contradict an earlier one.
//!
//! A person is whoever is joined by confirmed links, and nothing else is kept of it: taking a link back leaves exactly what
//! was before. Deliberately not here: who may say it (handlers), how links are found (score).

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

/// What was said of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing, or it was taken back.
    Open,
    /// They are one person.
    Same,
    /// They are two.
    Different,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Same, Self::Different];

    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Same => "same",
            Self::Different => "different",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A link between two inquiries, and what was said of it.
pub type Said = ((Uuid, Uuid), State);

/// All inquiries of the person behind one, itself among them, in their order.
#[must_use]
pub fn person_of(inquiry: Uuid, links: &[Said]) -> BTreeSet<Uuid> {
    let mut beside: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for ((one, other), _) in links.iter().filter(|(_, state)| *state == State::Same) {
        beside.entry(*one).or_default().push(*other);
        beside.entry(*other).or_default().push(*one);
    }
    let (mut person, mut next) = (BTreeSet::from([inquiry]), vec![inquiry]);
    while let Some(at) = next.pop() {
        next.extend(beside.get(&at).into_iter().flatten().copied().filter(|one| person.insert(*one)));
    }
    person
}

/// Whether a word about a link can stand beside what was said of all others that touch the two people.
///
/// # Errors
/// Why not, and what has to be undone first.
pub fn may_say((one, other): (Uuid, Uuid), word: State, links: &[Said]) -> Result<(), &'static str> {
    let is_this = |link: &(Uuid, Uuid)| *link == (one, other) || *link == (other, one);
    let others: Vec<Said> = links.iter().copied().filter(|(link, _)| !is_this(link)).collect();
    let (left, right) = (person_of(one, &others), person_of(other, &others));
    match word {
        State::Open => Ok(()),
        State::Different if left.contains(&other) => {
            Err("other confirmed links make these two one person: undo those first")
        }
        State::Different => Ok(()),
        State::Same => {
            let parts = |(a, b): &(Uuid, Uuid)| {
                (left.contains(a) && right.contains(b)) || (left.contains(b) && right.contains(a))
            };
            let apart = others.iter().any(|(link, state)| *state == State::Different && parts(link));
            if apart {
                Err("somebody said that two of these requests are different people: undo that first")
            } else {
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u8) -> Uuid {
        Uuid::from_u128(u128::from(number))
    }

    fn links() -> impl Strategy<Value = Vec<Said>> {
        let one = (0_u8..8, 0_u8..8, 0_usize..3);
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let mut links: Vec<Said> = Vec::new();
            for (a, b, state) in all {
                let (link, word) = ((id(a.min(b)), id(a.max(b))), State::ALL[state]);
                // Built as the service builds them: what would contradict is refused.
                if a != b && !links.iter().any(|(known, _)| *known == link) && may_say(link, word, &links).is_ok() {
                    links.push((link, word));
                }
            }
            links
        })
    }

    proptest! {
        #[test]
        fn joining_and_taking_it_back_leaves_every_person_as_before(links in links(), a in 0_u8..8, b in 0_u8..8) {
            prop_assume!(a != b);
            let link = (id(a.min(b)), id(a.max(b)));
            let mut before = links;
            before.retain(|(known, _)| *known != link);
            let people = |links: &[Said]| (0..8).map(|at| person_of(id(at), links)).collect::<Vec<_>>();
            let mut joined = before.clone();
            joined.push((link, State::Same));
            prop_assert!(person_of(link.0, &joined).contains(&link.1));
            let last = joined.len() - 1;
            joined[last].1 = State::Open;
            prop_assert_eq!(people(&joined), people(&before));
        }

        #[test]
        fn nobody_is_ever_one_person_with_whom_they_were_said_not_to_be(links in links()) {
            for ((one, other), state) in &links {
                prop_assert!(*state != State::Different || !person_of(*one, &links).contains(other));
            }
        }

        #[test]
        fn whoever_is_of_a_person_has_the_same_person(links in links(), a in 0_u8..8) {
            let person = person_of(id(a), &links);
            for one in &person {
                prop_assert_eq!(&person_of(*one, &links), &person);
            }
        }
    }

    #[test]
    fn a_contradiction_is_refused_with_what_to_undo() {
        let said = [((id(1), id(2)), State::Same), ((id(1), id(3)), State::Different)];
        assert!(may_say((id(2), id(3)), State::Same, &said).is_err_and(|why| why.contains("different people")));
        let joined = [((id(1), id(2)), State::Same), ((id(2), id(3)), State::Same)];
        assert!(may_say((id(1), id(3)), State::Different, &joined).is_err_and(|why| why.contains("undo those")));
        assert!(may_say((id(2), id(3)), State::Different, &joined).is_ok());
    }
}
