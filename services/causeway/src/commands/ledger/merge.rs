//! Merging sorted streams of inquiry ids: what every service says of one id comes together, id by id.
//!
//! Streams are read in chunks and may be far larger than the memory; a merge goes only as far as every stream has been
//! read, so the result does not depend on where the chunks end. Counts alone would balance when one inquiry is lost and
//! another one appears twice; the ids do not. Deliberately not here: SQL (streams) and what the result means (book).

use std::collections::VecDeque;

use uuid::Uuid;

/// What one stream says of an inquiry.
pub trait Told {
    /// The inquiry.
    fn inquiry(&self) -> Uuid;
}

/// A sorted stream that has been read so far.
#[derive(Debug)]
pub struct Stream<T> {
    waiting: VecDeque<T>,
    ended: bool,
    last: Option<Uuid>,
}

impl<T: Told> Default for Stream<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), ended: false, last: None }
    }
}

impl<T: Told> Stream<T> {
    /// Whether the next chunk must be read before the merge can go on; the id after which it begins.
    pub fn wants(&self) -> Option<Uuid> {
        (self.waiting.is_empty() && !self.ended).then(|| self.last.unwrap_or(Uuid::nil()))
    }

    /// Takes the next chunk; one that is shorter than `asked` is the last one.
    pub fn take(&mut self, chunk: Vec<T>, asked: usize) {
        self.ended = chunk.len() < asked;
        self.last = chunk.last().map(Told::inquiry).or(self.last);
        self.waiting.extend(chunk);
    }

    fn head(&self) -> Option<Uuid> {
        self.waiting.front().map(Told::inquiry)
    }

    fn pop(&mut self, inquiry: Uuid) -> Option<T> {
        if self.head() == Some(inquiry) { self.waiting.pop_front() } else { None }
    }
}

/// All that is told of one inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<A, B, C> {
    /// The inquiry.
    pub inquiry: Uuid,
    /// From each of the first streams.
    pub accepted: Vec<A>,
    /// From each of the second streams.
    pub decided: Vec<B>,
    /// From the third stream.
    pub desk: Option<C>,
}

/// The next inquiry of all streams; nothing where a stream has to be read on first, or all have ended.
pub fn next<A: Told, B: Told, C: Told>(
    accepted: &mut [Stream<A>],
    decided: &mut [Stream<B>],
    desk: &mut Stream<C>,
) -> Option<Entry<A, B, C>> {
    let unread = accepted.iter().any(|stream| stream.wants().is_some())
        || decided.iter().any(|stream| stream.wants().is_some())
        || desk.wants().is_some();
    if unread {
        return None;
    }
    let heads = accepted.iter().filter_map(Stream::head).chain(decided.iter().filter_map(Stream::head));
    let inquiry = heads.chain(desk.head()).min()?;
    Some(Entry {
        inquiry,
        accepted: accepted.iter_mut().filter_map(|stream| stream.pop(inquiry)).collect(),
        decided: decided.iter_mut().filter_map(|stream| stream.pop(inquiry)).collect(),
        desk: desk.pop(inquiry),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    impl Told for Uuid {
        fn inquiry(&self) -> Uuid {
            *self
        }
    }

    fn ids(max: u128) -> impl Strategy<Value = BTreeSet<Uuid>> {
        // The nil id is where a stream begins, so no inquiry has it.
        prop::collection::btree_set((1..max).prop_map(Uuid::from_u128), 0..60)
    }

    fn feed(stream: &mut Stream<Uuid>, all: &BTreeSet<Uuid>, asked: usize) {
        if let Some(after) = stream.wants() {
            stream.take(all.iter().copied().filter(|id| *id > after).take(asked).collect(), asked);
        }
    }

    type Sets = [BTreeSet<Uuid>; 4];

    fn merged([one, two, decisions, work]: &Sets, asked: usize) -> Vec<Entry<Uuid, Uuid, Uuid>> {
        let mut accepted = [Stream::default(), Stream::default()];
        let mut decided = [Stream::default()];
        let mut desk = Stream::default();
        let mut all = Vec::new();
        loop {
            feed(&mut accepted[0], one, asked);
            feed(&mut accepted[1], two, asked);
            feed(&mut decided[0], decisions, asked);
            feed(&mut desk, work, asked);
            match next(&mut accepted, &mut decided, &mut desk) {
                Some(entry) => all.push(entry),
                None if desk.wants().is_none() && accepted.iter().chain(&decided).all(|s| s.wants().is_none()) => {
                    break all;
                }
                None => {}
            }
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_once_in_order_with_all_that_is_told_of_it_wherever_the_chunks_end(
            one in ids(90), two in ids(90), decisions in ids(90), work in ids(90), asked in 1_usize..20,
        ) {
            let sets = [one, two, decisions, work];
            let all = merged(&sets, asked);
            let union: BTreeSet<Uuid> = sets.iter().flatten().copied().collect();
            prop_assert_eq!(all.iter().map(|entry| entry.inquiry).collect::<Vec<_>>(), union.into_iter().collect::<Vec<_>>());
            for entry in &all {
                let id = entry.inquiry;
                let accepted = usize::from(sets[0].contains(&id)) + usize::from(sets[1].contains(&id));
                prop_assert_eq!(entry.accepted.len(), accepted);
                prop_assert_eq!(entry.decided.len(), usize::from(sets[2].contains(&id)));
                prop_assert_eq!(entry.desk.is_some(), sets[3].contains(&id));
            }
        }
    }

    #[test]
    fn one_lost_and_one_that_nobody_accepted_are_both_seen_although_the_counts_agree() {
        let set = |numbers: &[u128]| numbers.iter().map(|number| Uuid::from_u128(*number)).collect::<BTreeSet<_>>();
        let all = merged(&[set(&[1, 2]), set(&[]), set(&[1]), set(&[1, 3])], 2);
        let lost: Vec<u128> = all.iter().filter(|e| e.desk.is_none()).map(|e| e.inquiry.as_u128()).collect();
        let phantom: Vec<u128> = all.iter().filter(|e| e.accepted.is_empty()).map(|e| e.inquiry.as_u128()).collect();
        assert_eq!((lost, phantom), (vec![2], vec![3]));
    }
}
