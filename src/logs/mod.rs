//! What containers say: pieces of output made into lines, and the line among the last ones that says why it ended. Pure.

pub mod cause;
pub mod lines;
