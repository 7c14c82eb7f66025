//! What this process knows of its objects, and which it works on when. Any kind fits.

pub mod queue;
pub mod store;
