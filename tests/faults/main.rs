//! Things are broken on purpose, and the promises are counted afterwards.

mod canary;
mod chaos;
mod csv;
mod mllp;
