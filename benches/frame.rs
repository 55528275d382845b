//! What a frame costs: a whole 200x50 screen drawn into ratatui's test backend, with a market in
//! which everything is shown.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tickscope::tui::{Model, Theme, draw};
use tickscope::{domain, engine, strategy};

#[path = "../src/tui/fixture/mod.rs"]
mod fixture;

fn frame(criterion: &mut Criterion) {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let model = Model::new(Arc::new(fixture::view()), (width, height), Theme::default());
        let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
        criterion.bench_function(&format!("frame/{width}x{height}"), |bencher| {
            bencher.iter(|| {
                let frame = terminal.draw(|frame| draw(frame, &model, model.view()));
                black_box(frame.is_ok())
            });
        });
    }
}

criterion_group!(benches, frame);
criterion_main!(benches);
