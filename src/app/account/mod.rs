//! The account: who owns it, what its ledger says, and how a run goes on where the last one ended.
//!
//! ```text
//! tape thread ─► inputs that are in the file ─► books thread: the same pipeline, a second behind
//!                                                  └► every few seconds: fills and state, one commit
//! next run: state of the last commit, then the tape from there on = the state at the tape's end
//! ```
//!
//! So the tape is the truth and the ledger how far it was read. A kill at any moment, a clean end
//! and a machine that was off differ only in how much of the tape is read again.

mod books;
mod chain;
mod follow;
mod owned;
mod recover;
mod rows;
mod statement;

pub use books::{Books, Session};
pub use follow::{Kept, Tell, start as follow};
pub use owned::{OwnedAccount, ledger_of};
pub use recover::{Recovered, bring_up, check, recover};
pub use statement::run;
