//! Makes the pictures of the README from the program's own output: a recorded run is replayed and
//! the screen drawn as it was at its end.
//!
//! ```text
//! cargo run --release -- run --headless --for 60s
//! cargo run --release --example pictures -- docs/pictures
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tickscope::app::past::Recording;
use tickscope::engine::view::{EngineView, Mode};
use tickscope::strategy::built_in;
use tickscope::tui::{Message, Model, Theme, picture, render, update};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("docs/pictures".to_owned()));
    let mut view = Recording::open("last", &built_in())?.at_end()?.rerun.view();
    // The picture shows the demo as it ran, not that it was replayed.
    view.run.mode = Mode::Demo;
    "synthetic market".clone_into(&mut view.run.market);
    let filled = view.decisions.iter().rposition(|row| row.state == "FILLED");
    let kept = filled.ok_or("the run has no filled order: record a longer one")? + 1;
    std::fs::create_dir_all(&folder)?;
    draw(&view, (120, 40), &[], &folder.join("main.svg"))?;
    view.decisions.truncate(kept);
    draw(&view, (120, 36), &[KeyCode::Enter], &folder.join("why.svg"))?;
    Ok(())
}

/// Draws a view after some keys.
fn draw(
    view: &EngineView,
    (width, height): (u16, u16),
    keys: &[KeyCode],
    path: &std::path::Path,
) -> Result<(), Box<dyn Error>> {
    let view = Arc::new(view.clone());
    let mut model = Model::new(Arc::clone(&view), (width, height), Theme::default());
    for key in keys {
        update(&mut model, Message::Key(KeyEvent::new(*key, KeyModifiers::NONE)));
    }
    std::fs::write(path, picture::svg(&render(&model, &view, width, height)))?;
    Ok(())
}
