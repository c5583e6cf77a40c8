//! The open spans of a calendar, compiled by the year of their local day, with running totals.
//!
//! A question about business time is then two searches and a subtraction, whatever lies between its instants. Every year is
//! compiled when it is first asked for; what is outside the kept years is compiled for each question, so that no instant is
//! answered by another rule. Deliberately not here: from hours and holidays to spans (`calendar`).

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

/// The years that are kept once they are compiled.
const FIRST_KEPT: i16 = 2000;
const KEPT: usize = 80;

const NANOS: i64 = 1_000_000_000;

/// An instant in nanoseconds since the Unix epoch; what 64 bits can't hold (after the year 2262) is as far as they go.
pub(super) fn nanos(at: Timestamp) -> i64 {
    at.as_second().saturating_mul(NANOS).saturating_add(i64::from(at.subsec_nanosecond()))
}

/// The other way of [`nanos`].
pub(super) fn instant(nanos: i64) -> Timestamp {
    let below = i32::try_from(nanos.rem_euclid(NANOS)).unwrap_or_default();
    // Every number of nanoseconds in 64 bits is an instant of the calendar.
    Timestamp::new(nanos.div_euclid(NANOS), below).unwrap_or_default()
}

/// One open stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub open: i64,
    pub close: i64,
    /// Open nanoseconds of the year before it.
    before: i64,
}

/// The open spans of one year, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Year {
    spans: Box<[Span]>,
    total: i64,
}

impl Year {
    /// Of stretches in order, none of which overlaps another.
    pub fn new(stretches: impl Iterator<Item = (i64, i64)>) -> Self {
        let mut total = 0;
        let spans = stretches
            .filter(|(open, close)| open < close)
            .map(|(open, close)| {
                let span = Span { open, close, before: total };
                total += close - open;
                span
            })
            .collect();
        Self { spans, total }
    }

    /// The same year with a stretch taken out.
    pub fn without(&self, from: i64, to: i64) -> Self {
        Self::new(
            self.spans
                .iter()
                .flat_map(|span| [(span.open, span.close.min(from.max(span.open))), (span.open.max(to), span.close)]),
        )
    }

    /// Whether a stretch takes anything out of it.
    pub fn is_touched_by(&self, from: i64, to: i64) -> bool {
        from < to && self.open_before(to) > self.open_before(from)
    }

    /// All its open time.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// Its open time before an instant.
    pub fn open_before(&self, at: i64) -> i64 {
        match self.spans[..self.spans.partition_point(|span| span.open < at)].last() {
            Some(span) => span.before + (at.min(span.close) - span.open),
            None => 0,
        }
    }

    /// The first instant by which so much of its open time has passed; `open` is above zero and not above the total.
    pub fn when_passed(&self, open: i64) -> Option<i64> {
        let place = self.spans.partition_point(|span| span.before + (span.close - span.open) < open);
        self.spans.get(place).map(|span| span.open + (open - span.before))
    }

    /// The spans that end after an instant.
    pub fn after(&self, at: i64) -> &[Span] {
        &self.spans[self.spans.partition_point(|span| span.close <= at)..]
    }
}

/// Compiled years.
#[derive(Clone)]
pub(super) struct Years(Box<[OnceLock<Arc<Year>>]>);

impl Default for Years {
    fn default() -> Self {
        Self((0..KEPT).map(|_| OnceLock::new()).collect())
    }
}

impl fmt::Debug for Years {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} compiled years", self.0.iter().filter(|year| year.get().is_some()).count())
    }
}

impl Years {
    /// A year, compiled now if it was not before.
    pub fn get(&self, year: i16, compile: impl FnOnce() -> Year) -> Arc<Year> {
        let kept = usize::try_from(year - FIRST_KEPT).ok().and_then(|place| self.0.get(place));
        match kept {
            Some(kept) => kept.get_or_init(|| Arc::new(compile())).clone(),
            None => Arc::new(compile()),
        }
    }

    /// Takes a stretch out of what is compiled.
    pub fn take_out(&mut self, from: i64, to: i64) {
        for kept in &mut self.0 {
            let touched = kept.get().filter(|year| year.is_touched_by(from, to));
            if let Some(cut) = touched.map(|year| year.without(from, to)) {
                *kept = OnceLock::from(Arc::new(cut));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year() -> Year {
        Year::new([(10, 20), (30, 35), (35, 40)].into_iter())
    }

    #[test]
    fn open_time_is_counted_inside_between_and_after_the_spans() {
        let counted = [5, 10, 15, 20, 25, 32, 35, 40, 99].map(|at| year().open_before(at));
        assert_eq!(counted, [0, 0, 5, 10, 10, 12, 15, 20, 20]);
    }

    #[test]
    fn so_much_open_time_has_passed_at_the_end_of_a_span_and_not_at_the_beginning_of_the_next() {
        assert_eq!([1, 10, 11, 15, 20].map(|open| year().when_passed(open)), [11, 20, 31, 35, 40].map(Some));
        assert_eq!(year().when_passed(21), None);
    }

    #[test]
    fn a_stretch_is_taken_out_of_the_middle_the_ends_and_not_of_closed_time() {
        assert_eq!(year().without(12, 14), Year::new([(10, 12), (14, 20), (30, 35), (35, 40)].into_iter()));
        assert_eq!(year().without(15, 37), Year::new([(10, 15), (37, 40)].into_iter()));
        assert_eq!(year().without(0, 99).total(), 0);
        assert!(!year().is_touched_by(20, 30) && !year().is_touched_by(14, 12) && year().is_touched_by(19, 30));
    }

    #[test]
    fn an_instant_before_the_epoch_and_one_with_nanoseconds_come_back_as_they_were() {
        for text in ["1969-12-31T23:59:59.999999999Z", "2027-03-04T18:00:00.000000001Z", "1900-01-01T00:00:00Z"] {
            let at: Timestamp = text.parse().unwrap();
            assert_eq!(instant(nanos(at)), at);
        }
    }
}
