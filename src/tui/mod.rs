//! The screen: draws `Arc<EngineView>`s in a terminal and turns keys into intents.
//!
//! ```text
//! keys ─► Message ─► update(&mut Model) ─► Intent ─► the app
//!                          │
//! Arc<EngineView> ─────────┴─► draw(frame, &Model, &EngineView)
//! ```
//! There are two sources of views: the run, and a moment of the past that stands before it while
//! somebody looks at it.
//! Floor 3. [`update`] and [`draw`] are pure: no IO, no clock, so the same model and view always
//! give the same frame. Only [`Screen`] and [`run`] touch the terminal. Nothing here writes
//! engine state, and nothing that the terminal does can block anybody else.

mod bell;
mod chain;
mod coach;
mod command;
mod dialog;
mod draw;
#[cfg(test)]
pub mod fixture;
mod header;
mod ink;
mod input;
pub mod keymap;
mod layout;
mod model;
mod number;
mod pane;
mod past;
pub mod picture;
mod row;
mod run;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod why;
mod why_not;

pub use draw::{chain_text, draw, render};
pub use model::{
    Attached, Chain, Filter, Intent, Message, Model, Overlay, Pane, Playback, Question,
};
pub use row::RowId;
pub use run::{Config, Exit, Inbox, Meter, Notifier, channel, run};
pub use terminal::{Restorer, Screen, TuiError};
pub use theme::{Markers, Palette, Theme};
pub use update::update;
