//! The HTTP side of the exchange: the market-data answers of `/api/v3` and the two WebSocket paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::control::STREAMS_MAX;
use super::history::{Interval, KlineQuery};
use super::server::Exchange;
use super::session::Session;
use super::wire;

/// An answer's body, or the venue's error.
type Answer = Result<Json, ApiError>;

/// A body that is JSON already.
struct Json(String);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json;charset=UTF-8")], self.0).into_response()
    }
}

/// An error payload with its HTTP status.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    code: i32,
    message: String,
}

impl ApiError {
    fn bad(code: i32, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    fn invalid_symbol() -> Self {
        Self::bad(-1121, "Invalid symbol.")
    }

    fn illegal(name: &str, legal: &str) -> Self {
        Self::bad(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '{legal}'."),
        )
    }

    fn missing(name: &str) -> Self {
        let what = "was not sent, was empty/null, or malformed.";
        Self::bad(-1102, format!("Mandatory parameter '{name}' {what}"))
    }

    fn no_such_path() -> Self {
        let message = "No such path.".to_owned();
        Self { status: StatusCode::NOT_FOUND, code: -1000, message }
    }

    /// The exchange has no book yet: worth asking again.
    fn unavailable() -> Self {
        let message = "Internal error; unable to process your request. Please try again.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, code: -1001, message: message.to_owned() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(wire::error(self.code, &self.message))).into_response()
    }
}

/// The parameters of a request, as text.
type Params = Query<BTreeMap<String, String>>;

/// The symbol asked for; whether it is listed is another question.
fn symbol(params: &Params) -> Result<&str, ApiError> {
    let symbol = params.get("symbol").map(String::as_str).filter(|text| !text.is_empty());
    let symbol = symbol.ok_or_else(|| ApiError::missing("symbol"))?;
    let legal =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if symbol.len() <= 20 && symbol.bytes().all(legal) {
        Ok(symbol)
    } else {
        Err(ApiError::illegal("symbol", "^[A-Z0-9-_.]{1,20}$"))
    }
}

/// An optional whole number.
fn number(params: &Params, name: &str) -> Result<Option<u64>, ApiError> {
    let wrong = |_| ApiError::illegal(name, "^[0-9]{1,20}$");
    params.get(name).map(|text| text.parse().map_err(wrong)).transpose()
}

/// How many items are wanted: above `max` is cut, zero is an error.
fn limit(params: &Params, default: u64, max: u64) -> Result<usize, ApiError> {
    match number(params, "limit")?.unwrap_or(default).min(max) {
        0 => Err(ApiError::bad(-1130, "Data sent for parameter 'limit' is not valid.")),
        limit => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}

/// The exchange's paths.
pub(super) fn router(exchange: Arc<Exchange>) -> Router {
    Router::new()
        .route("/api/v3/ping", get(async || Json("{}".to_owned())))
        .route("/api/v3/time", get(time))
        .route("/api/v3/exchangeInfo", get(exchange_info))
        .route("/api/v3/depth", get(depth))
        .route("/api/v3/trades", get(trades))
        .route("/api/v3/historicalTrades", get(historical_trades))
        .route("/api/v3/klines", get(klines))
        .route("/ws", get(raw))
        .route("/ws/{*streams}", get(raw_streams))
        .route("/stream", get(combined))
        .fallback(async || ApiError::no_such_path())
        .with_state(exchange)
}

/// What a call is answered with, by whoever has the parameters already: status and body.
pub(super) fn answer(
    exchange: &Arc<Exchange>,
    path: &str,
    parameters: &[(&str, String)],
) -> (u16, String) {
    let named = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let (state, params) = (State(Arc::clone(exchange)), Query(named.collect()));
    // No answer waits for anything: the first poll is the last.
    let answered = match path {
        "/api/v3/exchangeInfo" => exchange_info(state, params).now_or_never(),
        "/api/v3/depth" => depth(state, params).now_or_never(),
        "/api/v3/trades" => trades(state, params).now_or_never(),
        "/api/v3/historicalTrades" => historical_trades(state, params).now_or_never(),
        "/api/v3/klines" => klines(state, params).now_or_never(),
        _ => Some(Err(ApiError::no_such_path())),
    };
    match answered.unwrap_or_else(|| Err(ApiError::unavailable())) {
        Ok(Json(body)) => (200, body),
        Err(error) => (error.status.as_u16(), wire::error(error.code, &error.message)),
    }
}

async fn time(State(exchange): State<Arc<Exchange>>) -> Json {
    Json(format!(r#"{{"serverTime":{}}}"#, exchange.now_ms()))
}

async fn exchange_info(State(exchange): State<Arc<Exchange>>, params: Params) -> Answer {
    let wanted: Option<Vec<String>> = match params.get("symbols") {
        Some(list) => {
            let legal = r#"["SYMBOL1","SYMBOL2"]"#;
            let wrong = |_| ApiError::illegal("symbols", legal);
            Some(serde_json::from_str(list).map_err(wrong)?)
        }
        None if params.contains_key("symbol") => Some(vec![symbol(&params)?.to_owned()]),
        None => None,
    };
    let market = exchange.market();
    let listings = market.listings();
    let Some(wanted) = wanted else {
        return Ok(Json(wire::exchange_info(market.now().millis(), listings)));
    };
    let find = |symbol: &String| listings.iter().find(|listing| listing.symbol == *symbol);
    let found: Option<Vec<_>> = wanted.iter().map(find).collect();
    let found = found.ok_or_else(ApiError::invalid_symbol)?;
    Ok(Json(wire::exchange_info(market.now().millis(), found)))
}

async fn depth(State(exchange): State<Arc<Exchange>>, params: Params) -> Answer {
    let (symbol, limit) = (symbol(&params)?, limit(&params, 100, 5_000)?);
    let snapshot = {
        let market = exchange.market();
        if !market.listings().iter().any(|listing| listing.symbol == symbol) {
            return Err(ApiError::invalid_symbol());
        }
        market.snapshot(symbol, limit)
    };
    // Written outside the lock: a thousand levels take longer than a message may wait.
    let snapshot = snapshot.ok_or_else(ApiError::unavailable)?;
    Ok(Json(wire::snapshot(&snapshot)))
}

async fn trades(State(exchange): State<Arc<Exchange>>, params: Params) -> Answer {
    answer_trades(&exchange, &params, None)
}

async fn historical_trades(State(exchange): State<Arc<Exchange>>, params: Params) -> Answer {
    let from_id = number(&params, "fromId")?;
    if exchange.hub.refuses_history() {
        let message = "This endpoint is not available here.".to_owned();
        return Err(ApiError { status: StatusCode::FORBIDDEN, code: -1002, message });
    }
    answer_trades(&exchange, &params, from_id)
}

fn answer_trades(exchange: &Exchange, params: &Params, from_id: Option<u64>) -> Answer {
    let (symbol, limit) = (symbol(params)?, limit(params, 500, 1_000)?);
    let prints: Vec<_> = {
        let mut market = exchange.market();
        let history = market.history(symbol).ok_or_else(ApiError::invalid_symbol)?;
        history.trades(from_id, limit).copied().collect()
    };
    Ok(Json(wire::trades(&prints)))
}

async fn klines(State(exchange): State<Arc<Exchange>>, params: Params) -> Answer {
    let symbol = symbol(&params)?;
    let interval = params.get("interval").ok_or_else(|| ApiError::missing("interval"))?;
    let query = KlineQuery {
        interval: Interval::parse(interval)
            .ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?,
        start_ms: number(&params, "startTime")?,
        end_ms: number(&params, "endTime")?,
        limit: limit(&params, 500, 1_000)?,
    };
    let found = {
        let mut market = exchange.market();
        let now_ms = market.now().millis();
        let history = market.history(symbol).ok_or_else(ApiError::invalid_symbol)?;
        history.klines(query, now_ms)
    };
    Ok(Json(wire::klines(&found, query.interval)))
}

async fn raw(State(exchange): State<Arc<Exchange>>, request: Request) -> Response {
    upgrade(exchange, request, "", false)
}

async fn raw_streams(
    State(exchange): State<Arc<Exchange>>,
    Path(streams): Path<String>,
    request: Request,
) -> Response {
    upgrade(exchange, request, &streams, false)
}

async fn combined(
    State(exchange): State<Arc<Exchange>>,
    params: Params,
    request: Request,
) -> Response {
    let streams = params.get("streams").map_or("", String::as_str);
    upgrade(exchange, request, streams, true)
}

/// Turns the HTTP connection into a WebSocket session, subscribed to `streams` joined by `/`.
fn upgrade(
    exchange: Arc<Exchange>,
    mut request: Request,
    streams: &str,
    combined: bool,
) -> Response {
    let headers = request.headers();
    let asks = headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asks) else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    let streams: Vec<_> = streams.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    if streams.len() > STREAMS_MAX {
        return ApiError::bad(-1101, "Too many streams.").into_response();
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The client may have left before the upgrade was through.
        let Ok(stream) = upgraded.await else { return };
        let member = exchange.hub.join(combined);
        member.subscribe(&streams, STREAMS_MAX);
        let stop = exchange.stop.subscribe();
        let session = Session::new(TokioIo::new(stream), member, exchange.liveness).await;
        session.run(stop, || exchange.now_ms()).await;
    });
    let switch = [
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, switch, [(SEC_WEBSOCKET_ACCEPT, accept)]).into_response()
}
