//! The shield: what keeps a panic in a strategy's own code from ending the run, and from being
//! printed across the screen. The engine records it.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

use crate::engine::calling::catch;

thread_local! {
    /// This thread is in a strategy's code.
    static CALLING: Cell<bool> = const { Cell::new(false) };
    /// Where that code panicked.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls a strategy; its words and the place in its source when it panics.
pub fn call(strategy: &mut dyn FnMut()) -> Result<(), String> {
    CALLING.set(true);
    let called = catch(strategy);
    CALLING.set(false);
    called.map_err(|words| match PLACE.take() {
        Some(place) => format!("{words} ({place})"),
        None => words,
    })
}

/// True while a panic of this thread will be caught.
pub fn is_calling() -> bool {
    CALLING.get()
}

/// From here on a panic that is caught notes its place and says nothing else.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if is_calling() {
                PLACE.set(info.location().map(|at| format!("{}:{}", at.file(), at.line())));
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the way from a strategy that failed to the line that did it.
    #[test]
    fn a_panic_comes_back_as_its_words_and_its_place() {
        install();
        assert_eq!(call(&mut || ()), Ok(()));
        let words = call(&mut || panic!("by {}", 0)).unwrap_err();
        assert!(words.starts_with("by 0 (") && words.contains("shield.rs:"), "{words}");
        assert!(!is_calling());
    }
}
