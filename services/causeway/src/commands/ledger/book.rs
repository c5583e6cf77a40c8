//! The book: where each accepted inquiry is, per center and in total (F5).
//!
//! Deliberately not here: reading databases. A test can enter what it likes and look at the sum.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Serialize;
use uuid::Uuid;

use super::streams::AtDesk;

/// Where the inquiries of a center are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Accepted, those that are held among them.
    pub accepted: u64,
    /// Not handed on: held for a person, because a machine seems to have sent them (`causeway held`).
    pub held: u64,
    /// At the desk, before a visit is booked.
    pub open: u64,
    /// A visit or another dated step is ahead.
    pub scheduled: u64,
    /// The visit took place.
    pub attended: u64,
    /// Closed, by reason.
    pub closed: BTreeMap<String, u64>,
    /// Not at the desk, because a message about it is parked.
    pub parked: u64,
    /// Not at the desk yet, or handed to a sister center that has not answered: an event waits in an outbox, on the bus, or at a
    /// listener.
    pub in_transit: u64,
    /// Of those in transit the ones that are on their way for longer than is usual, because some part stands still.
    pub late: u64,
    /// Accepted, and nowhere.
    pub lost: u64,
    /// At the desk, and never accepted.
    pub phantom: u64,
    /// At the desk without queue, next action, due time or reason, or at another center's desk.
    pub violations: u64,
    /// Decided by routing more than once.
    pub decided_twice: u64,
    /// At the desk without a decision of routing.
    pub undecided: u64,
}

impl Account {
    /// All closed ones.
    pub fn closed(&self) -> u64 {
        self.closed.values().sum()
    }

    /// Every accepted inquiry is somewhere, and nothing is anywhere that should not be.
    pub fn balances(&self) -> bool {
        let at_desk = self.open + self.scheduled + self.attended + self.closed();
        self.accepted == at_desk + self.parked + self.in_transit + self.held
            && self.lost + self.phantom + self.violations + self.decided_twice + self.undecided == 0
    }

    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.held += other.held;
        self.open += other.open;
        self.scheduled += other.scheduled;
        self.attended += other.attended;
        for (reason, count) in &other.closed {
            *self.closed.entry(reason.clone()).or_default() += count;
        }
        self.parked += other.parked;
        self.in_transit += other.in_transit;
        self.late += other.late;
        self.lost += other.lost;
        self.phantom += other.phantom;
        self.violations += other.violations;
        self.decided_twice += other.decided_twice;
        self.undecided += other.undecided;
    }
}

/// How an inquiry stands that was handed to a sister center which has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// A message about it is parked.
    Parked,
    /// The answer may still come by itself.
    OnItsWay,
    /// It is on its way for longer than is usual.
    Late,
}

impl Handed {
    /// By whether a message about it is parked, and by how long ago it was told; nothing: so long that nobody keeps it any more.
    pub fn of(is_parked: bool, age: Option<SignedDuration>, grace: SignedDuration) -> Self {
        match age {
            _ if is_parked => Self::Parked,
            Some(age) if age <= grace => Self::OnItsWay,
            _ => Self::Late,
        }
    }
}

/// Confirmations to the people who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Confirmations {
    /// By state: intended, sending, sent, unknown, failed, suppressed.
    pub by_state: BTreeMap<String, u64>,
    /// Inquiries that got more than one.
    pub second: u64,
}

/// The ledger of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Nothing is lost, doubled or forgotten.
    balanced: bool,
    /// By center.
    pub centers: BTreeMap<String, Account>,
    /// All centers together.
    pub total: Account,
    /// Confirmations.
    pub confirmations: Confirmations,
    /// The first few ids of each fault.
    pub examples: BTreeMap<&'static str, Vec<Uuid>>,
}

/// Ids that are shown for each fault.
const EXAMPLES: usize = 5;

impl Ledger {
    /// The account of a center.
    pub fn account(&mut self, center: &str) -> &mut Account {
        self.centers.entry(center.to_owned()).or_default()
    }

    /// Enters a fault's id, as long as there are few.
    pub fn example(&mut self, fault: &'static str, inquiry: Uuid) {
        let known = self.examples.entry(fault).or_default();
        if known.len() < EXAMPLES {
            known.push(inquiry);
        }
    }

    /// Enters an inquiry that was accepted and is held.
    pub fn held(&mut self, center: &str) {
        let account = self.account(center);
        account.accepted += 1;
        account.held += 1;
    }

    /// Enters an inquiry that was accepted and is at the desk.
    pub fn at_desk(&mut self, center: &str, row: &AtDesk) {
        let in_order = row.in_order && row.center == center;
        let account = self.account(center);
        match row.stage.as_str() {
            "scheduled" => account.scheduled += 1,
            "attended" => account.attended += 1,
            // Seen in this state only while it moved; see [`Ledger::handed`].
            "handed" => account.in_transit += 1,
            "closed" => {
                let reason = row.close_reason.clone().unwrap_or_else(|| "no reason".to_owned());
                *account.closed.entry(reason).or_default() += 1;
            }
            _ => account.open += 1,
        }
        if !in_order {
            account.violations += 1;
            self.example("violations", row.inquiry);
        }
    }

    /// Enters an inquiry that is closed at the one desk and not yet the sister's: it is nobody's to call, so it must not rest.
    pub fn handed(&mut self, center: &str, row: &AtDesk, state: Handed) {
        match state {
            Handed::Parked => self.account(center).parked += 1,
            Handed::OnItsWay | Handed::Late => self.account(center).in_transit += 1,
        }
        if state == Handed::Late {
            self.account(center).late += 1;
            self.example("late", row.inquiry);
        }
        if !row.in_order || row.center != center {
            self.account(center).violations += 1;
            self.example("violations", row.inquiry);
        }
    }

    /// Adds up.
    pub fn close(mut self) -> Self {
        let mut total = Account::default();
        self.centers.values().for_each(|account| total.add(account));
        self.total = total;
        self.balanced = self.total.balances() && self.confirmations.second == 0;
        self
    }

    /// Nothing is lost, doubled or forgotten.
    pub fn balanced(&self) -> bool {
        self.balanced
    }

    /// All that were accepted, those that are held among them.
    pub fn accepted(&self) -> u64 {
        self.total.accepted
    }

    /// Balanced, and nothing is on its way any more.
    pub fn at_rest(&self) -> bool {
        self.balanced && self.total.in_transit == 0
    }

    /// For people: a table, the reasons, the confirmations, and the sum as the last line.
    pub fn text(&self) -> String {
        let mut text = self.table();
        for (reason, count) in &self.total.closed {
            text.push_str(&format!("  closed: {reason:<26} {count:>9}\n"));
        }
        let states: Vec<String> =
            self.confirmations.by_state.iter().map(|(state, count)| format!("{state} {count}")).collect();
        text.push_str(&format!(
            "confirmations: {}; second confirmations {}\n",
            if states.is_empty() { "none".to_owned() } else { states.join(", ") },
            self.confirmations.second
        ));
        for (fault, ids) in &self.examples {
            let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
            text.push_str(&format!("{fault}, the first ones: {}\n", ids.join(", ")));
        }
        if self.total.late > 0 {
            text.push_str(&format!(
                "late: {} of those in transit wait for a part that stands still; see /readyz and `causeway doctor`\n",
                self.total.late
            ));
        }
        text.push_str(&self.last_line());
        text
    }

    fn table(&self) -> String {
        const HEADS: [&str; 11] = [
            "accepted",
            "open",
            "scheduled",
            "attended",
            "closed",
            "parked",
            "in transit",
            "held",
            "lost",
            "phantom",
            "violations",
        ];
        let cells = |a: &Account| {
            [
                a.accepted,
                a.open,
                a.scheduled,
                a.attended,
                a.closed(),
                a.parked,
                a.in_transit,
                a.held,
                a.lost,
                a.phantom,
                a.violations,
            ]
        };
        let mut text = format!("{:<20}", "center");
        HEADS.iter().for_each(|head| text.push_str(&format!(" {head:>10}")));
        text.push('\n');
        let rows = self.centers.iter().map(|(center, account)| (center.as_str(), account));
        for (center, account) in rows.chain([("total", &self.total)]) {
            text.push_str(&format!("{center:<20}"));
            cells(account).iter().for_each(|count| text.push_str(&format!(" {count:>10}")));
            text.push('\n');
        }
        text
    }

    fn last_line(&self) -> String {
        let a = &self.total;
        let sum = format!(
            "accepted {} = open {} + scheduled {} + attended {} + closed {} + parked {} + in transit {} + held {}",
            a.accepted,
            a.open,
            a.scheduled,
            a.attended,
            a.closed(),
            a.parked,
            a.in_transit,
            a.held
        );
        if self.balanced {
            return format!("balanced: {sum}");
        }
        format!(
            "NOT balanced: {sum} + lost {}; phantom {}, violations {}, decided twice {}, undecided {}, second confirmations {}",
            a.lost, a.phantom, a.violations, a.decided_twice, a.undecided, self.confirmations.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u128, stage: &str, in_order: bool) -> AtDesk {
        AtDesk {
            inquiry: Uuid::from_u128(number),
            center: "north".into(),
            stage: stage.into(),
            close_reason: (stage == "closed").then(|| "insurance".to_owned()),
            in_order,
        }
    }

    fn ledger(rows: &[AtDesk]) -> Ledger {
        let mut ledger = Ledger::default();
        for row in rows {
            ledger.account("north").accepted += 1;
            ledger.at_desk("north", row);
        }
        ledger
    }

    #[test]
    fn everything_that_was_accepted_and_is_somewhere_in_order_balances() {
        let rows =
            [row(1, "routed", true), row(2, "scheduled", true), row(3, "attended", true), row(4, "closed", true)];
        let mut ledger = ledger(&rows);
        ledger.held("north");
        let ledger = ledger.close();
        assert!(ledger.at_rest());
        assert_eq!(ledger.accepted(), 5);
        assert!(ledger.text().ends_with(
            "balanced: accepted 5 = open 1 + scheduled 1 + attended 1 + closed 1 + parked 0 + in transit 0 + held 1"
        ));
    }

    #[test]
    fn one_without_a_next_step_one_at_a_strange_desk_and_one_lost_each_break_the_balance() {
        assert!(!ledger(&[row(1, "routed", false)]).close().balanced);
        let mut strange = ledger(&[]);
        strange.account("south").accepted = 1;
        strange.at_desk("south", &row(1, "routed", true));
        assert!(!strange.close().balanced);
        let mut lost = ledger(&[]);
        (lost.account("north").accepted, lost.account("north").lost) = (1, 1);
        let lost = lost.close();
        assert!(!lost.balanced && lost.text().contains("NOT balanced"));
        let mut held = ledger(&[]);
        held.account("north").held = 1;
        assert!(!held.close().balanced, "what is held was accepted");
    }

    #[test]
    fn what_is_on_its_way_balances_but_is_not_settled_and_a_second_confirmation_never_balances() {
        let mut young = ledger(&[]);
        (young.account("north").accepted, young.account("north").in_transit) = (1, 1);
        let young = young.close();
        assert!(young.balanced && !young.at_rest());
        let mut twice = ledger(&[row(1, "closed", true)]);
        twice.confirmations.second = 1;
        assert!(!twice.close().balanced);
    }

    #[test]
    fn what_no_sister_has_answered_is_parked_or_on_its_way_and_late_after_a_while() {
        let (minute, grace) = (SignedDuration::from_mins(1), SignedDuration::from_secs(60));
        assert_eq!(Handed::of(true, Some(minute * 9), grace), Handed::Parked);
        assert_eq!(Handed::of(false, Some(minute), grace), Handed::OnItsWay);
        assert_eq!(Handed::of(false, Some(minute * 2), grace), Handed::Late);
        assert_eq!(Handed::of(false, None, grace), Handed::Late);
        let told = |state| {
            let mut ledger = ledger(&[row(2, "closed", true)]);
            ledger.account("north").accepted += 1;
            ledger.handed("north", &row(1, "handed", true), state);
            let ledger = ledger.close();
            assert!(ledger.balanced, "it is at a desk, so it is not lost");
            (ledger.total.parked, ledger.total.in_transit, ledger.total.late, ledger.at_rest())
        };
        assert_eq!(told(Handed::OnItsWay), (0, 1, 0, false), "closed at the one center and not yet the sister's");
        assert_eq!(told(Handed::Late), (0, 1, 1, false));
        assert_eq!(told(Handed::Parked), (1, 0, 0, true));
        let mut strange = ledger(&[]);
        strange.account("south").accepted = 1;
        strange.handed("south", &row(1, "handed", true), Handed::OnItsWay);
        assert!(!strange.close().balanced);
    }
}
