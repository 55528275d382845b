//! Decisions outside the screen: one as a JSON document.

pub mod document;

pub use document::Document;
