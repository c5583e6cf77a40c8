//! Scheduling sync on real servers: a private PostgreSQL and nats-server, the service started as the runtime starts it,
//! asked by gRPC with signed tokens. Each test has a world of its own.

mod access;
mod booking;
mod moving;
mod news;
mod offers;
mod sequences;
mod world;
