//! Calling a strategy: its code is somebody's own, and a panic in it must not end the run.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::record::Fault;
use super::slot::{Runner, Slot};
use crate::domain::clean;
use crate::strategy::{AnyStrategy, Context, Facts, Trigger};

/// No words of a fault are longer.
pub const FAULT_CHARACTERS: usize = 240;

/// Calls what it is given; the words of the panic where it panics. The driver may bring its own,
/// which keeps the panic off the screen as well.
pub type Shield = fn(&mut dyn FnMut()) -> Result<(), String>;

/// Calls, and catches a panic. What was called is left as it was at that moment: the engine lets
/// its strategy open nothing more.
pub fn catch(call: &mut dyn FnMut()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| words(payload.as_ref()))
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}

impl Slot {
    /// Lets its strategy evaluate into the draft, if it is a native one.
    pub(super) fn ask(&mut self, shield: Shield, facts: Facts<'_>, trigger: &Trigger) {
        let (Runner::Native(strategy), draft) = (&mut self.runner, &mut self.draft) else { return };
        let called = shield(&mut || strategy.evaluate(&mut Context::new(facts, draft), trigger));
        self.note_call(called);
    }

    /// Tells its strategy something, if it is a native one.
    pub(super) fn tell(&mut self, shield: Shield, mut what: impl FnMut(&mut dyn AnyStrategy)) {
        let Runner::Native(strategy) = &mut self.runner else { return };
        let called = shield(&mut || what(strategy.as_mut()));
        self.note_call(called);
    }

    /// A panic is told with the next evaluation; of several, the first.
    fn note_call(&mut self, called: Result<(), String>) {
        if let (Err(words), None) = (called, &self.fault) {
            self.fault = Some(Fault::Panicked(clean(&words, FAULT_CHARACTERS)));
        }
    }

    /// What went wrong in its code since the last evaluation. What it wanted is void then.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        let failed = self.draft.failed.take();
        let failed = failed.map(|words| Fault::Failed(clean(&words, FAULT_CHARACTERS)));
        let fault = self.fault.take().or(failed);
        if fault.is_some() {
            self.draft.intents.clear();
        }
        fault
    }
}
