//! Whether rows together take everything of a box: exact, with a point that none of them takes where they do not.
//!
//! A box is a set of values for each condition. If some row takes all of it, it is covered. If the rows' shares of the box
//! sum to less than the box, it is not, and a point is found by fixing one condition after the other so that the sum stays as
//! small as it can. Else the box is split along the row that leaves the fewest conditions open: what that row takes is
//! covered, and each piece beside it is a smaller box. Every step is counted, and who runs out of them hears of it.

use super::space::{DIMENSIONS, Point, Space, values};

/// The rows could not be told apart in the steps that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooTangled;

/// Looks for what rows leave open.
pub(super) struct Cover<'t> {
    space: &'t Space,
    /// Conditions that some row has.
    active: &'t [usize],
    /// What each row takes, one behind the other.
    sets: &'t [u64],
    /// Rows that may still be looked at, each look at a box counting anew.
    steps: u64,
}

/// A row that touches a box.
struct Touching {
    row: u32,
    /// How much of the box it takes, as a part.
    share: f64,
}

impl<'t> Cover<'t> {
    pub fn new(space: &'t Space, active: &'t [usize], sets: &'t [u64], steps: u64) -> Self {
        Self { space, active, sets, steps }
    }

    fn set(&self, row: u32) -> &'t [u64] {
        let (row, words) = (row as usize, self.space.words());
        &self.sets[row * words..(row + 1) * words]
    }

    /// A point of the box that none of the rows takes; nothing if they take all of it.
    pub fn uncovered(&mut self, part: &[u64], rows: &[u32]) -> Result<Option<Point>, TooTangled> {
        self.steps = self.steps.checked_sub(1 + rows.len() as u64).ok_or(TooTangled)?;
        let sizes: [u128; DIMENSIONS] =
            std::array::from_fn(|dimension| count(&part[self.space.span(dimension)]).into());
        let whole: u128 = self.active.iter().map(|dimension| sizes[*dimension]).product();
        let (mut touching, mut total) = (Vec::with_capacity(rows.len()), 0_u128);
        let mut best: Option<(usize, u128, u32)> = None;
        for row in rows {
            let set = self.set(*row);
            let (mut open, mut volume) = (0_usize, 1_u128);
            for dimension in self.active {
                let span = self.space.span(*dimension);
                let both: u32 = part[span.clone()].iter().zip(&set[span]).map(|(a, b)| (a & b).count_ones()).sum();
                volume *= u128::from(both);
                if both == 0 {
                    break;
                }
                open += usize::from(u128::from(both) < sizes[*dimension]);
            }
            if volume == 0 {
                continue;
            }
            if open == 0 {
                return Ok(None);
            }
            total += volume;
            touching.push(Touching { row: *row, share: volume as f64 / whole as f64 });
            if best.is_none_or(|(fewest, largest, _)| open < fewest || (open == fewest && volume > largest)) {
                best = Some((open, volume, *row));
            }
        }
        let Some((_, _, best)) = best else { return Ok(Some(self.first(part))) };
        let left: Vec<u32> = touching.iter().map(|one| one.row).collect();
        if total < whole
            && let Some(point) = self.thinnest(part, touching)
        {
            return Ok(Some(point));
        }
        self.beside(part, best, &left)
    }

    /// The same for what of a box lies beside one of its rows.
    fn beside(&mut self, part: &[u64], row: u32, rows: &[u32]) -> Result<Option<Point>, TooTangled> {
        let set = self.set(row);
        let others: Vec<u32> = rows.iter().copied().filter(|other| *other != row).collect();
        let mut rest = part.to_vec();
        for dimension in self.active {
            let span = self.space.span(*dimension);
            let mut piece = rest.clone();
            piece[span.clone()].iter_mut().zip(&set[span.clone()]).for_each(|(word, taken)| *word &= !taken);
            if count(&piece[span.clone()]) > 0
                && let Some(point) = self.uncovered(&piece, &others)?
            {
                return Ok(Some(point));
            }
            rest[span.clone()].iter_mut().zip(&set[span]).for_each(|(word, taken)| *word &= taken);
        }
        Ok(None)
    }

    /// A point that none of the rows takes, whose shares sum to less than the box: fixing a condition to the value with the
    /// smallest sum never lets the sum grow, and at a point it counts the rows that take it.
    fn thinnest(&self, part: &[u64], mut touching: Vec<Touching>) -> Option<Point> {
        let mut point = self.first(part);
        for dimension in self.active {
            let span = self.space.span(*dimension);
            let size = count(&part[span.clone()]);
            let mut sums = vec![0.0_f64; (span.end - span.start) * 64];
            for one in &touching {
                let (both, taken) = common(&part[span.clone()], &self.set(one.row)[span.clone()]);
                if taken < size {
                    let share = one.share * f64::from(size) / f64::from(taken);
                    values(&both).for_each(|value| sums[value] += share);
                }
            }
            let thinnest = values(&part[span.clone()]).min_by(|a, b| sums[*a].total_cmp(&sums[*b]))?;
            let chosen = u16::try_from(thinnest).ok()?;
            point[*dimension] = chosen;
            touching.retain_mut(|one| {
                let set = self.set(one.row);
                let (_, taken) = common(&part[span.clone()], &set[span.clone()]);
                one.share *= f64::from(size) / f64::from(taken);
                self.space.has(set, *dimension, chosen)
            });
        }
        // A sum of fractions may be off by a hair; then the box is split as any other.
        touching.is_empty().then_some(point)
    }

    fn first(&self, part: &[u64]) -> Point {
        std::array::from_fn(|dimension| {
            let first = values(&part[self.space.span(dimension)]).next();
            first.and_then(|value| u16::try_from(value).ok()).unwrap_or_default()
        })
    }
}

fn count(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

fn common(one: &[u64], other: &[u64]) -> (Vec<u64>, u32) {
    let both: Vec<u64> = one.iter().zip(other).map(|(a, b)| a & b).collect();
    let size = count(&both);
    (both, size)
}
