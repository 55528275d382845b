//! What a run answers over HTTP beside its metrics, walked as a client would.

use std::collections::BTreeSet;

use serde_json::Value;

use super::home::{Home, busy, wait_for};
use super::metrics::{get, sum};
use super::schema::check;

/// A GET that must give JSON of a schema.
fn answer(address: &str, path: &str, schema: &str, described: &Value) -> Value {
    let (status, body) = get(address, path);
    assert_eq!(status, 200, "{path}: {body}");
    let value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}"));
    check(&value, schema, described);
    value
}

fn texts(value: &Value, list: &str, key: &str) -> Vec<String> {
    let items = value[list].as_array().unwrap();
    items.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

/// Every id of a list, page by page.
fn all(address: &str, list: &str, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, body) = get(address, &format!("/{list}?{query}{cursor}"));
        assert_eq!(status, 200, "{body}");
        let page: Value = serde_json::from_str(&body).unwrap();
        ids.extend(texts(&page, list, "id"));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

/// Lost if broken: the link from a dashboard, and every script that asks a run what it did.
#[test]
fn a_run_explains_its_decisions_to_whoever_asks() {
    let home = Home::new();
    let running = home.start(&["run", "--headless", "--config", busy()]);
    let address = home.address("metrics");
    let described: Value = serde_json::from_str(&get(&address, "/openapi.json").1).unwrap();
    let fills = wait_for("a fill", || {
        let fills = answer(&address, "/fills", "Fills", &described);
        (!fills["fills"].as_array().unwrap().is_empty()).then_some(fills)
    });
    let fill = &fills["fills"][0];
    let decision = fill["decision"].as_str().unwrap();
    let by_id = answer(&address, &format!("/decisions/{decision}"), "Decision", &described);
    let by_fill = answer(
        &address,
        &format!("/decisions/{}", fill["id"].as_str().unwrap()),
        "Decision",
        &described,
    );
    assert_eq!(by_id["order"]["id"], by_fill["order"]["id"]);
    assert_eq!(by_id["order"]["id"], fill["order"]);
    assert_eq!(by_id["checks"].as_array().unwrap().len(), 20);
    assert!(by_id["values"].as_array().unwrap().iter().any(|value| value["name"] == "ema_fast"));
    assert!(by_id["position"]["after"].is_string());

    let listed = answer(&address, "/decisions?limit=7", "Decisions", &described);
    assert_eq!(listed["decisions"].as_array().unwrap().len(), 7);
    let orders = answer(&address, "/orders", "Orders", &described);
    assert!(texts(&orders, "orders", "id").contains(&fill["order"].as_str().unwrap().to_owned()));
    let positions = answer(&address, "/positions", "Positions", &described);
    assert_eq!(positions["positions"][0]["strategy"], "busy");
    let strategies = answer(&address, "/strategies", "Strategies", &described);
    assert_eq!(texts(&strategies, "strategies", "name"), ["busy"]);
    let strategy = answer(&address, "/strategies/busy", "Strategy", &described);
    assert!(strategy["evaluations"].as_u64().unwrap() > 0);
    for (path, status) in [("/decisions/none", 404), ("/decisions?limit=0", 400), ("/none", 404)] {
        let (found, body) = get(&address, path);
        assert_eq!(found, status, "{path}: {body}");
        check(&serde_json::from_str(&body).unwrap(), "Error", &described);
    }
    assert_eq!(get(&address, "/").0, 200);

    // What was there when the first page was read is met once, whatever came in between.
    let newest = texts(&listed, "decisions", "id")[0].clone();
    let ids = all(&address, "decisions", "limit=9");
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id came twice");
    assert!(unique.contains(&newest));
    let signals = all(&address, "decisions", "outcome=signal&strategy=busy");
    assert!(signals.iter().any(|id| id == decision) && signals.len() < ids.len());
    let metrics = get(&address, "/metrics").1;
    assert!(sum(&metrics, "tickscope_decisions_held") > 0.0);
    assert!(sum(&metrics, "tickscope_decision_memory_bytes") > 0.0);
    running.terminate().expect_code(0);
}
