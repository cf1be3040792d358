//! What containers say: pieces of output made into lines, lines understood, grouped, put in order, chosen, and shortened
//! for people. Pure: times are passed in.
//!
//! A container's pieces → [`lines`] → [`group`] → [`merge`] → [`filter`] → [`fold`] → [`shorten`] (by whoever prints).

pub mod cause;
pub mod dropped;
pub mod filter;
pub mod fold;
pub mod group;
pub mod level;
pub mod lines;
pub mod merge;
pub mod saved;
pub mod select;
pub mod shorten;
pub mod speaker;
mod stamp;
pub mod together;
pub mod understand;
pub mod when;
