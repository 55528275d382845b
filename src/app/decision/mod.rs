//! Decisions outside the screen: one as a JSON document, and those that are held in memory.

pub mod document;
mod held;
pub mod ids;
pub mod store;

pub use document::Document;
pub use store::Store;
