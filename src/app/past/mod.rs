//! The past: a recorded run, had again at any of its inputs.
//!
//! ```text
//! a run ─► tape                    ┌► checkpoints: states at every 32,768th input, with an index
//!            └► books thread ──────┘  of what happened since the one before
//! a moment ─► the checkpoint before it ─► the tape from there on ─► the same pipeline ─► the moment
//! ```
//!
//! Nothing that was decided needs to have been written: it is decided again. The hash marks of the
//! tape prove that it is the same decision.

mod feed;
mod head;
mod recording;
mod rerun;
mod retold;
mod witness;

pub use feed::Look;
pub use head::{Happened, Happening, Head};
pub use recording::{Cursor, Recording};
pub use rerun::{Change, Moment, Rerun, Taken};
pub use retold::Proof;
pub use witness::{Testimony, Witness};
