//! The control messages of a session: SUBSCRIBE and its kin, answered as the venue answers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::hub::Membership;
use super::wire;

/// Streams one connection may have.
pub(super) const STREAMS_MAX: usize = 1_024;

/// What a client may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    Subscribe,
    Unsubscribe,
    ListSubscriptions,
    SetProperty,
    GetProperty,
}

/// `{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}`
#[derive(Debug, Deserialize)]
struct Request {
    method: Method,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default)]
    id: Value,
}

/// Why a request is not answered with a result.
#[derive(Debug)]
struct Refusal {
    code: i32,
    message: String,
}

impl Refusal {
    fn invalid(reason: &str) -> Self {
        Self { code: 2, message: format!("Invalid request: {reason}") }
    }
}

/// What a session does after a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Sends this and goes on.
    Reply(String),
    /// Closes: the client asked for more streams than a connection may have.
    TooManyStreams,
}

/// Carries a request out.
pub(super) fn answer(text: &str, member: &Membership) -> Answer {
    let outcome = parse(text).and_then(|request| {
        let result = carry_out(&request, member)?;
        Ok((result, request.id))
    });
    match outcome {
        Ok((None, _)) => Answer::TooManyStreams,
        Ok((Some(result), id)) => Answer::Reply(json!({ "result": result, "id": id }).to_string()),
        Err(Refusal { code, message }) => Answer::Reply(wire::error(code, &message)),
    }
}

fn parse(text: &str) -> Result<Request, Refusal> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Refusal { code: 3, message: format!("Invalid JSON: {error}") })?;
    if !value.is_object() {
        return Err(Refusal::invalid("expected an object"));
    }
    // From the text again: so the message says where, as the venue's does.
    let request: Request =
        serde_json::from_str(text).map_err(|error| Refusal::invalid(&error.to_string()))?;
    match &request.id {
        Value::Null => Ok(request),
        Value::String(id) if id.len() <= 36 => Ok(request),
        Value::Number(id) if id.is_u64() || id.is_i64() => Ok(request),
        _ => Err(Refusal::invalid("request ID must be an unsigned integer")),
    }
}

/// The result of a request; `None` when the client has too many streams.
fn carry_out(request: &Request, member: &Membership) -> Result<Option<Value>, Refusal> {
    match request.method {
        Method::Subscribe => {
            let fits = member.subscribe(&stream_names(&request.params)?, STREAMS_MAX);
            Ok(fits.then_some(Value::Null))
        }
        Method::Unsubscribe => {
            member.unsubscribe(&stream_names(&request.params)?);
            Ok(Some(Value::Null))
        }
        Method::ListSubscriptions => Ok(Some(member.subscriptions().into())),
        Method::GetProperty => {
            property(&request.params, 1)?;
            Ok(Some(member.combined().into()))
        }
        Method::SetProperty => {
            let Some(Value::Bool(combined)) = property(&request.params, 2)? else {
                let message = "Invalid value type: expected Boolean".to_owned();
                return Err(Refusal { code: 1, message });
            };
            member.set_combined(*combined);
            Ok(Some(Value::Null))
        }
    }
}

/// Any text is taken as a stream's name: a misspelt one is accepted and stays silent.
fn stream_names(params: &[Value]) -> Result<Vec<String>, Refusal> {
    let name = |value: &Value| value.as_str().map(str::to_owned);
    let wrong = || Refusal::invalid("stream names must be strings");
    params.iter().map(|value| name(value).ok_or_else(wrong)).collect()
}

/// Checks that the property asked for is the only one there is; gives the parameter behind it.
fn property(params: &[Value], count: usize) -> Result<Option<&Value>, Refusal> {
    match params {
        [Value::String(name), ..] if name != "combined" => {
            Err(Refusal { code: 0, message: "Unknown property".to_owned() })
        }
        [Value::String(_), rest @ ..] if rest.len() < count => Ok(rest.first()),
        [Value::String(_), ..] => Err(Refusal::invalid("too many parameters")),
        _ => Err(Refusal::invalid("property name must be a string")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::simulator::hub::Hub;

    /// Requests in order on one connection, each with its expected reply.
    fn check(exchange: &[(&str, &str)]) {
        let member = Arc::new(Hub::new(4, Vec::new())).join(false);
        for (request, expected) in exchange {
            let Answer::Reply(reply) = answer(request, &member) else { panic!("closed") };
            let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(value(&reply), value(expected), "{request}");
        }
    }

    #[test]
    fn subscriptions_come_and_go() {
        check(&[
            (
                r#"{"method":"SUBSCRIBE","params":["b@trade","a@nonsense"],"id":1}"#,
                r#"{"result":null,"id":1}"#,
            ),
            (
                r#"{"method":"LIST_SUBSCRIPTIONS","id":"x"}"#,
                r#"{"result":["a@nonsense","b@trade"],"id":"x"}"#,
            ),
            (
                r#"{"method":"UNSUBSCRIBE","params":["b@trade","c"],"id":2}"#,
                r#"{"result":null,"id":2}"#,
            ),
            (r#"{"method":"LIST_SUBSCRIPTIONS"}"#, r#"{"result":["a@nonsense"],"id":null}"#),
        ]);
    }

    #[test]
    fn the_combined_property_is_read_and_set() {
        check(&[
            (
                r#"{"method":"GET_PROPERTY","params":["combined"],"id":1}"#,
                r#"{"result":false,"id":1}"#,
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["combined",true],"id":2}"#,
                r#"{"result":null,"id":2}"#,
            ),
            (
                r#"{"method":"GET_PROPERTY","params":["combined"],"id":3}"#,
                r#"{"result":true,"id":3}"#,
            ),
            (
                r#"{"method":"SET_PROPERTY","params":["combined",1],"id":4}"#,
                r#"{"code":1,"msg":"Invalid value type: expected Boolean"}"#,
            ),
            (
                r#"{"method":"GET_PROPERTY","params":["depth"],"id":5}"#,
                r#"{"code":0,"msg":"Unknown property"}"#,
            ),
        ]);
    }

    #[test]
    fn what_is_wrong_is_said_in_the_venues_words() {
        let member = Arc::new(Hub::new(4, Vec::new())).join(false);
        for (request, expected) in [
            ("{", r#"{"code":3,"msg":"Invalid JSON: "#),
            (r#"{"id":1}"#, "Invalid request: missing field `method` at line 1 column 8"),
            (r#"{"method":"SUB","id":1}"#, "unknown variant `SUB`, expected one of `SUBSCRIBE`"),
            (r#"{"method":"SUBSCRIBE","id":1.5}"#, "request ID must be an unsigned integer"),
            (r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#, "stream names must be strings"),
            (r#"{"method":"GET_PROPERTY","params":[1],"id":1}"#, "property name must be a string"),
            ("[]", "Invalid request"),
        ] {
            let Answer::Reply(reply) = answer(request, &member) else { panic!("closed") };
            assert!(reply.contains(expected), "{request} got {reply}");
        }
    }
}
