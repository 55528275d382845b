//! Just enough of JSON Schema to hold an answer against its description.

use serde_json::Value;

/// Panics unless a value is what a schema of the description's `components` says.
pub fn check(value: &Value, schema: &str, described: &Value) {
    let schema = &described["components"]["schemas"][schema];
    assert!(schema.is_object(), "no schema");
    if let Err(wrong) = valid(value, schema, described) {
        panic!("{wrong} in {value:#}");
    }
}

fn valid(value: &Value, schema: &Value, described: &Value) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        let pointed = described.pointer(path.trim_start_matches('#'));
        return valid(value, pointed.ok_or("a broken $ref")?, described);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(any) = schema[several].as_array() {
            let fits = |schema: &&Value| valid(value, schema, described).is_ok();
            if any.iter().filter(fits).count() != 1 {
                return Err(format!("{value} is none, or several, of {several} {any:?}"));
            }
        }
    }
    let allowed = schema["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        return Err(format!("{value} is none of {allowed:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{value} is not {}", schema["const"]));
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_kind(value, kind)) {
        return Err(format!("{value} is no {kinds:?}"));
    }
    if let Some(items) = value.as_array() {
        items.iter().try_for_each(|item| valid(item, &schema["items"], described))?;
    }
    members(value, schema, described)
}

fn members(value: &Value, schema: &Value, described: &Value) -> Result<(), String> {
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, member) in members {
        let property = properties.get(name).ok_or_else(|| format!("{name} is not described"))?;
        valid(member, property, described).map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    Ok(())
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
