//! Ingestion as a whole, on real servers: nothing is answered that is not kept, nothing kept twice, nobody shown unasked.

mod doors;
mod faults;
mod numbers;
mod privacy;
mod world;
