//! What libraries log: their warnings land in the diagnostics lane instead of on the screen.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Telemetry;
use super::event::{Event, ProcessEvent};
use super::word::Level;

/// A layer that takes the warnings and errors of all libraries, and nothing quieter.
pub fn layer<S: tracing::Subscriber>(telemetry: Telemetry) -> impl Layer<S> {
    LibraryLayer(telemetry)
}

struct LibraryLayer(Telemetry);

impl<S: tracing::Subscriber> Layer<S> for LibraryLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            _ => Level::Debug,
        };
        self.0.emit(&Event::Process(ProcessEvent::LibraryLogged {
            level,
            target: metadata.target(),
            message: &text.0,
        }));
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        *metadata.level() <= LevelFilter::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }
}

/// The fields of a library's event as one text: the message first, the others as `key=value`.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, "{name}={value:?}"),
        };
    }
}
