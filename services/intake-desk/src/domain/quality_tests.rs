//! Who may read an audit and what follows a reading, in every order.

use std::collections::BTreeSet;

use causeway_funnel::quality_audit::scoring::Mark;
use causeway_funnel::quality_audit::{Answer, SecondReader};
use proptest::prelude::*;
use uuid::Uuid;

use super::quality::*;
use super::step::Refusal;

fn audit() -> Audit {
    Audit {
        audit_id: Uuid::nil(),
        inquiry_id: Uuid::nil(),
        state: AuditState::Waiting,
        first_reader: String::new(),
        second_reader: String::new(),
        second_wanted: false,
        final_reading: None,
        score: None,
        not_blind: BTreeSet::new(),
        settled_by: String::new(),
        version: 1,
    }
}

fn mark(answer: Answer) -> [Mark; 1] {
    [Mark { item: "a".into(), weight: 1, answer }]
}

const RULE: SecondReader = SecondReader { percent: 0, points: 10, each_item: true };

fn done<'a>(marks: &'a [Mark], first: &'a [Mark]) -> Finished<'a> {
    Finished { marks, first, rule: &RULE, drawn: false, same: false }
}

#[derive(Debug, Clone, Copy)]
enum Do {
    Take,
    GiveBack,
    Keep,
    Finish(bool),
    AskSecond,
    Look,
    Work,
    /// A manager gives back what somebody else has.
    Part,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Do)>> {
    let what = prop_oneof![
        4 => Just(Do::Take),
        1 => Just(Do::GiveBack),
        1 => Just(Do::Keep),
        6 => any::<bool>().prop_map(Do::Finish),
        2 => Just(Do::AskSecond),
        1 => Just(Do::Look),
        1 => Just(Do::Work),
        1 => Just(Do::Part),
    ];
    proptest::collection::vec((0_usize..6, what), 0..60)
}

proptest! {
    #[test]
    fn nobody_reads_their_own_work_or_twice_and_a_finished_one_has_a_score(steps in steps()) {
        let people = ["worker", "anna", "ben", "cleo", "dora", "emil"];
        let mut workers = BTreeSet::from(["worker".to_owned()]);
        let (mut audit, mut first, mut settlement) = (audit(), mark(Answer::Yes), None);
        // Who was ever shown what somebody answered, whatever the audit itself remembers.
        let mut shown: BTreeSet<&str> = BTreeSet::new();
        for (who, what) in steps {
            let (who, before) = (people[who], audit.clone());
            let version = audit.version;
            match what {
                Do::Take => drop(audit.take(who, &workers)),
                Do::GiveBack => drop(audit.give_back(who, false, &workers)),
                Do::Part => drop(audit.give_back(who, true, &workers)),
                Do::AskSecond => drop(audit.ask_second(who, &workers)),
                Do::Look => {}
                Do::Work => drop(workers.insert(who.to_owned())),
                Do::Keep => {
                    if let Ok(reading) = audit.write(who, &workers, version) {
                        audit.keep(who, reading);
                    }
                }
                Do::Finish(good) => {
                    if let Ok(reading) = audit.write(who, &workers, version) {
                        let marks = mark(if good { Answer::Yes } else { Answer::No });
                        let same = reading == Reading::Settled && settlement == Some(good);
                        audit.finish(who, reading, &Finished { same, ..done(&marks, &first) });
                        match reading {
                            Reading::First => first = marks,
                            Reading::Second => settlement = None,
                            Reading::Settled => settlement = Some(good),
                        }
                    }
                }
            }
            if audit.state == AuditState::Finished && audit.final_reading == Some(Reading::Settled)
                && before.state != AuditState::Finished
            {
                prop_assert!(before.settled_by != who && !before.settled_by.is_empty(), "one settled it alone");
            }
            // What a worker changes of it is that they step back, and no more.
            if workers.contains(who) && before.version != audit.version {
                let theirs = before.first_reader == who || before.second_reader == who;
                prop_assert!(theirs && matches!(what, Do::GiveBack | Do::Part), "{who} {what:?}");
            }
            prop_assert!(audit.state != AuditState::Second || before.state == AuditState::Second
                || !shown.contains(who), "{who} had seen the answers");
            if audit.shows_both(who) {
                shown.insert(who);
            }
            audit.looked(who);
            prop_assert!(audit.first_reader.is_empty() || audit.first_reader != audit.second_reader);
            prop_assert_eq!(audit.state == AuditState::Finished, audit.score.is_some());
            prop_assert_eq!(audit.final_reading.is_some(), audit.score.is_some());
            let looked = Audit { not_blind: audit.not_blind.clone(), ..before.clone() };
            prop_assert_eq!(looked == audit, before.version == audit.version, "each change counts");
            // The second one sees nothing of the first before their own reading is over.
            prop_assert!(audit.state != AuditState::Second || !audit.shows_both(&audit.second_reader));
            // A list tells the score to nobody who can still be asked to read it second, and to everybody else.
            if audit.state == AuditState::Finished {
                let mut again = audit.clone();
                drop(again.ask_second("somebody", &BTreeSet::new()));
                for reader in people {
                    prop_assert_eq!(audit.hides_score(reader), again.may_take(reader, &BTreeSet::new()), "{}", reader);
                }
            } else {
                prop_assert!(audit.score.is_none() && !people.iter().any(|reader| audit.hides_score(reader)));
            }
        }
    }
}

#[test]
fn two_who_agree_leave_the_first_answers_and_two_who_differ_settle_it() {
    let nobody = BTreeSet::new();
    let (yes, no) = (mark(Answer::Yes), mark(Answer::No));
    let second = |marks: &[Mark]| {
        let mut audit = audit();
        audit.take("anna", &nobody).expect("free");
        audit.finish("anna", Reading::First, &Finished { drawn: true, ..done(&yes, &[]) });
        assert_eq!(audit.state, AuditState::SecondWaiting);
        assert!(audit.take("anna", &nobody).is_err());
        audit.take("ben", &nobody).expect("free");
        audit.finish("ben", Reading::Second, &done(marks, &yes));
        audit
    };
    let agreed = second(&yes);
    assert_eq!((agreed.state, agreed.final_reading), (AuditState::Finished, Some(Reading::First)));
    let mut differs = second(&no);
    assert_eq!((differs.state, differs.reading_of("anna")), (AuditState::Differs, Some(Reading::Settled)));
    assert_eq!(differs.reading_of("cleo"), None);
    let same = |same| Finished { same, ..done(&no, &yes) };
    differs.finish("anna", Reading::Settled, &same(false));
    differs.finish("anna", Reading::Settled, &same(true));
    assert_eq!((differs.state, differs.waits_for("ben")), (AuditState::Differs, true), "the other one says so too");
    differs.finish("ben", Reading::Settled, &same(false));
    assert_eq!((differs.state, differs.waits_for("anna")), (AuditState::Differs, true), "that was another word");
    differs.finish("anna", Reading::Settled, &same(true));
    assert_eq!((differs.final_reading, differs.score), (Some(Reading::Settled), Some(0)));
}

#[test]
fn a_page_of_before_is_refused_and_so_is_a_reading_with_a_gap_or_an_answer_against_the_machine_without_a_word() {
    let (mut audit, nobody) = (audit(), BTreeSet::new());
    audit.take("anna", &nobody).expect("free");
    assert!(matches!(audit.write("anna", &nobody, 1), Err(Refusal::Conflict(_))));
    assert!(audit.write("anna", &nobody, 2).is_ok() && audit.write("ben", &nobody, 3).is_err());
    let anna = BTreeSet::from(["anna".to_owned()]);
    assert!(audit.write("anna", &anna, 3).is_err(), "she has worked it since");
    let given =
        |answer, comment| [Given { item: "a", label: "In time?", answer, computed: Some(Answer::Yes), comment }];
    assert!(may_finish(&given(Some(Answer::Yes), "")).is_ok());
    assert!(may_finish(&given(Some(Answer::No), "the call was too late")).is_ok());
    assert_eq!(may_finish(&given(Some(Answer::No), "")), Err(ItemFault::NoReason("In time?".into())));
    assert_eq!(may_finish(&given(None, "x")), Err(ItemFault::NoAnswer("In time?".into())));
    assert_eq!(may_finish(&[]), Err(ItemFault::NoItem));
}
