//! Serving: the control socket of a run, with what its server needs of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::core::Control;
use super::watchers::Watchers;
use crate::app::build::Plan;
use crate::app::control::server;
use crate::app::error::{AppError, Exit};
use crate::engine::view::EngineView;
use crate::tape::{RecorderState, Session};
use crate::telemetry::Telemetry;

/// Names of the strategies by number.
pub fn strategies(plan: &Plan) -> Vec<String> {
    plan.engine.strategies.iter().map(|strategy| strategy.name.clone()).collect()
}

/// Opens the control socket. A run that cannot be stopped from outside does not begin.
pub fn serve(
    session: &Session,
    plan: &Plan,
    (control, view): (&mpsc::Sender<Control>, &Arc<ArcSwap<EngineView>>),
    telemetry: &Telemetry,
    recorder: Arc<RecorderState>,
) -> Result<server::Server, AppError> {
    let run = server::Run {
        control: control.clone(),
        view: Arc::clone(view),
        watchers: Watchers::default(),
        telemetry: telemetry.clone(),
        strategies: strategies(plan),
        instruments: plan.engine.instruments.iter().map(|i| i.symbol.clone()).collect(),
        recorder,
    };
    server::Server::start(session.directory(), run).map_err(|error| {
        let directory = session.directory().display();
        let text = format!("the control socket in {directory} cannot be opened: {error}");
        AppError::new(Exit::Connection, text)
    })
}
