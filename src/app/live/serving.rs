//! Serving: the control socket of a run and what answers over HTTP, with what they need of it.

use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::core::Control;
use super::metrics::{Bound, Metrics};
use super::teller::Teller;
use super::watchers::Watchers;
use crate::app::build::Plan;
use crate::app::control::server;
use crate::app::decision::Store;
use crate::app::error::{AppError, Exit};
use crate::app::explain;
use crate::app::http::Served;
use crate::config::Loaded;
use crate::engine::RunInfo;
use crate::engine::view::EngineView;
use crate::strategy::StrategyKind;
use crate::tape::{RecorderState, Session};
use crate::telemetry::Telemetry;

/// Names of the strategies by number.
pub fn strategies(plan: &Plan) -> Vec<String> {
    plan.engine.strategies.iter().map(|strategy| strategy.name.clone()).collect()
}

/// Serves metrics and decisions on the address that was taken, and starts the thread that tells
/// both of what the core recorded.
pub(super) fn answer(
    bound: Bound,
    telemetry: &Telemetry,
    (run, plan): (RunInfo, &Plan),
    (view, recorder): (&Arc<ArcSwap<EngineView>>, Arc<RecorderState>),
    (loaded, registry): (&Loaded, &[StrategyKind]),
) -> Result<(Metrics, Teller, JoinHandle<()>), AppError> {
    let id = run.id.clone();
    let store = Arc::new(Store::new(run, plan.engine.clone(), loaded.config.record.memory.0));
    let served = Served {
        store: Arc::clone(&store),
        view: Arc::clone(view),
        recall: explain::recall(registry),
        public_url: loaded.config.metrics.public_url.clone(),
    };
    let metrics = Metrics::serve(bound, telemetry, (&id, &loaded.config.account.name), served)?;
    let (told, teller) = Teller::start(telemetry, recorder, metrics.address.clone(), store)?;
    Ok((metrics, told, teller))
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
