//! For each value of each condition the rows that take it, so that the first row that fits is found by a few `and`s of
//! words of 64 rows each.
//!
//! Deliberately not here: why a row does not fit.

use super::space::{DIMENSIONS, Point, Space, values};

#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Conditions that some row has; the others fit always.
    pub active: Vec<usize>,
    /// Words for each value: one bit for each row.
    words: usize,
    /// Where the first value of each condition stands.
    starts: [usize; DIMENSIONS],
    rows: Vec<u64>,
}

impl Index {
    /// Of the sets of rows, one behind the other.
    pub fn new(space: &Space, sets: &[u64]) -> Self {
        let width = space.words();
        let count = sets.len() / width;
        let words = count.div_ceil(64);
        let mut starts = [0; DIMENSIONS];
        let mut total = 0;
        for (dimension, start) in starts.iter_mut().enumerate() {
            *start = total;
            total += space.dimensions[dimension].values.len() * words;
        }
        let mut rows = vec![0; total];
        for (row, set) in sets.chunks_exact(width).enumerate() {
            for (dimension, start) in starts.iter().enumerate() {
                for value in values(&set[space.span(dimension)]) {
                    rows[start + value * words + row / 64] |= 1 << (row % 64);
                }
            }
        }
        let all = space.all();
        let asks = |dimension: &usize| {
            sets.chunks_exact(width).any(|set| set[space.span(*dimension)] != all[space.span(*dimension)])
        };
        Self { active: (0..DIMENSIONS).filter(asks).collect(), words, starts, rows }
    }

    /// The first row that takes a point.
    pub fn first(&self, point: &Point) -> Option<usize> {
        (0..self.words).find_map(|word| {
            let fits = self.active.iter().fold(self.live(word), |fits, dimension| {
                fits & self.rows[self.starts[*dimension] + usize::from(point[*dimension]) * self.words + word]
            });
            (fits != 0).then(|| word * 64 + fits.trailing_zeros() as usize)
        })
    }

    /// The rows that there are; a table in which no row has a condition is its first row.
    fn live(&self, word: usize) -> u64 {
        if self.active.is_empty() { u64::from(word == 0) } else { u64::MAX }
    }
}
