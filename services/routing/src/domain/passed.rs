//! The conditions that rows before the deciding one failed by, as a few bytes beside the decision.
//!
//! A table's rows stand in groups that fail by the same condition, so runs are counted: two bytes for each. Codes are stored,
//! so the list of them is only added to. Deliberately not here: the rows' names and cells, which the revision has.

use causeway_funnel::routing::Condition;

/// The code of a condition is its place here.
const CODES: [Condition; 14] = [
    Condition::CancerArea,
    Condition::ConsultType,
    Condition::Site,
    Condition::Language,
    Condition::Payer,
    Condition::Records,
    Condition::Urgency,
    Condition::ReferringOffice,
    Condition::Source,
    Condition::TrialTeam,
    Condition::Age,
    Condition::DistanceKm,
    Condition::Attribution,
    Condition::NearestSite,
];

/// The bytes to store.
pub(crate) fn pack(conditions: &[Condition]) -> Vec<u8> {
    let mut packed: Vec<u8> = Vec::new();
    for condition in conditions {
        let place = CODES.iter().position(|known| known == condition).unwrap_or_default();
        let code = u8::try_from(place).unwrap_or_default();
        match packed.as_mut_slice() {
            [.., last, run] if *last == code && *run < u8::MAX => *run += 1,
            _ => packed.extend([code, 1]),
        }
    }
    packed
}

/// What was stored; a code of a later release ends it.
pub(crate) fn unpack(packed: &[u8]) -> Vec<Condition> {
    let pairs =
        packed.chunks_exact(2).map_while(|pair| Some((*CODES.get(usize::from(pair[0]))?, usize::from(pair[1]))));
    pairs.flat_map(|(condition, run)| std::iter::repeat_n(condition, run)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_back_as_they_were_in_two_bytes_for_each_run() {
        let mut conditions = vec![Condition::ConsultType; 2];
        conditions.extend([Condition::Urgency; 600]);
        conditions.extend(Condition::ALL.iter().copied());
        let packed = pack(&conditions);
        assert_eq!(packed[..2], [1, 2]);
        assert_eq!(packed.len(), 2 * (1 + 3 + Condition::ALL.len()));
        assert_eq!(unpack(&packed), conditions);
        assert_eq!(unpack(&[]), []);
        assert_eq!(unpack(&[0, 1, 200, 9]), [Condition::CancerArea]);
    }

    #[test]
    fn every_condition_has_a_code_of_its_own() {
        assert!(Condition::ALL.iter().all(|condition| CODES.iter().filter(|code| *code == condition).count() == 1));
    }
}
