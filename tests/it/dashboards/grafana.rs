//! Grafana's JSON of a dashboard, made from its source.

use serde_json::{Map, Value, json};

use super::source::{Annotation, Dashboard, Kind, Link, Names, Panel, Query, Shared, Show};
use super::source::{Variable, VariableKind};

/// Columns of Grafana's grid.
pub const COLUMNS: u64 = 24;

/// The whole dashboard.
pub fn dashboard(source: &Dashboard, shared: &Shared, names: &Names) -> Value {
    let mut place = Place::default();
    let panels: Vec<_> = source.panel.iter().map(|item| panel(item, &mut place, names)).collect();
    let variables: Vec<_> = shared.variable.iter().map(|item| variable(item, names)).collect();
    let annotations: Vec<_> =
        shared.annotation.iter().map(|item| annotation(item, names)).collect();
    json!({
        "uid": source.uid,
        "title": source.title,
        "description": source.description,
        "tags": [shared.tag],
        "editable": false,
        "graphTooltip": 1,
        "timezone": "utc",
        "schemaVersion": 39,
        "version": 1,
        "refresh": shared.refresh,
        "time": { "from": shared.from, "to": "now" },
        "timepicker": { "refresh_intervals": ["1s", "5s", "10s", "30s", "1m"] },
        "links": [{
            "title": "tickscope", "type": "dashboards", "icon": "external link", "tooltip": "",
            "tags": [shared.tag], "asDropdown": true, "includeVars": true, "keepTime": true,
            "targetBlank": false,
        }],
        "annotations": { "list": annotations },
        "templating": { "list": variables },
        "panels": panels,
    })
}

fn data_source() -> Value {
    json!({ "type": "prometheus", "uid": "$datasource" })
}

fn variable(source: &Variable, names: &Names) -> Value {
    let (name, label) = (&source.name, &source.label);
    match source.kind {
        VariableKind::Datasource => json!({
            "name": name, "label": label, "type": "datasource", "query": "prometheus",
            "current": { "text": "default", "value": "default" }, "refresh": 1,
        }),
        VariableKind::Custom => {
            let first = &source.values[0];
            let options: Vec<_> = source
                .values
                .iter()
                .map(|value| json!({ "text": value, "value": value, "selected": value == first }))
                .collect();
            json!({
                "name": name, "label": label, "type": "custom", "query": source.values.join(","),
                "current": { "text": first, "value": first }, "options": options,
                "multi": false, "includeAll": false,
            })
        }
        VariableKind::Query => {
            let query = names.expand(source.query.as_ref().expect("a query"));
            json!({
                "name": name, "label": label, "type": "query", "datasource": data_source(),
                "query": { "query": query, "refId": "variable" },
                "current": { "text": ["All"], "value": ["$__all"] },
                "allValue": ".+", "includeAll": true, "multi": true, "refresh": 2, "sort": 1,
            })
        }
    }
}

fn annotation(source: &Annotation, names: &Names) -> Value {
    json!({
        "name": source.name, "datasource": data_source(), "enable": true, "hide": false,
        "iconColor": source.color,
        "target": { "expr": names.expand(&source.expr), "refId": source.name.to_lowercase() },
        "titleFormat": source.title, "textFormat": source.text, "tagKeys": source.tags,
        "useValueForTime": source.value_is_time,
    })
}

/// Where the next panel goes: from left to right, and below when a line is full.
#[derive(Default)]
struct Place {
    x: u64,
    y: u64,
    tallest: u64,
}

impl Place {
    fn next(&mut self, panel: &Panel) -> Value {
        if self.x + panel.width > COLUMNS {
            (self.x, self.y, self.tallest) = (0, self.y + self.tallest, 0);
        }
        let place = json!({ "x": self.x, "y": self.y, "w": panel.width, "h": panel.height });
        self.x += panel.width;
        self.tallest = self.tallest.max(panel.height);
        place
    }
}

fn panel(source: &Panel, place: &mut Place, names: &Names) -> Value {
    let mut panel = json!({
        "id": source.id,
        "title": source.title,
        "type": kind_word(source.kind),
        "description": source.description,
        "gridPos": place.next(source),
    });
    if let Some(text) = &source.text {
        panel["options"] = json!({ "mode": "markdown", "content": text });
        return panel;
    }
    panel["datasource"] = data_source();
    panel["fieldConfig"] = json!({ "defaults": defaults(source, names), "overrides": [] });
    panel["options"] = options(source);
    let targets = source.queries.iter().enumerate();
    panel["targets"] =
        targets.map(|(index, query)| target(source.kind, index, query, names)).collect();
    panel
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Stat => "stat",
        Kind::Timeseries => "timeseries",
        Kind::Heatmap => "heatmap",
        Kind::Bargauge => "bargauge",
        Kind::StateTimeline => "state-timeline",
        Kind::Text => "text",
    }
}

fn defaults(source: &Panel, names: &Names) -> Value {
    let mut defaults = Map::new();
    defaults.insert("unit".into(), source.unit.clone().expect("a unit").into());
    if let Some(decimals) = source.decimals {
        defaults.insert("decimals".into(), decimals.into());
    }
    if let Some(max) = source.max {
        defaults.insert("min".into(), 0.into());
        defaults.insert("max".into(), max.into());
    }
    if !source.values.is_empty() {
        let mut words = Map::new();
        for (index, (value, text)) in source.values.iter().enumerate() {
            words.insert(value.clone(), json!({ "text": text, "index": index }));
        }
        defaults.insert("mappings".into(), json!([{ "type": "value", "options": words }]));
    }
    let mut steps: Vec<_> = source
        .steps
        .iter()
        .map(|step| {
            let at = step.at.as_ref().map(|at| short(names.number(at)));
            json!({ "color": step.color, "value": at })
        })
        .collect();
    let mut custom = Map::new();
    if let Some(line) = &source.line {
        steps = vec![
            json!({ "color": "transparent", "value": null }),
            json!({ "color": "red", "value": short(names.number(line)) }),
        ];
        custom.insert("thresholdsStyle".into(), json!({ "mode": "line" }));
    }
    if source.kind == Kind::Timeseries {
        custom.insert("fillOpacity".into(), 0.into());
        custom.insert("lineWidth".into(), 1.into());
        custom.insert("showPoints".into(), "never".into());
        defaults.insert("color".into(), json!({ "mode": "palette-classic" }));
    } else {
        defaults.insert("color".into(), json!({ "mode": "thresholds" }));
    }
    if steps.is_empty() {
        steps = vec![json!({ "color": "green", "value": null })];
    }
    defaults.insert("thresholds".into(), json!({ "mode": "absolute", "steps": steps }));
    if !custom.is_empty() {
        defaults.insert("custom".into(), custom.into());
    }
    if let Some(link) = &source.link {
        defaults.insert("links".into(), json!([data_link(link)]));
    }
    defaults.into()
}

/// A whole number without `.0`, as Grafana writes it.
fn short(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only what is whole is cast")]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, reason = "limits are small")]
    let is_whole = (whole as f64 - number).abs() < f64::EPSILON;
    if is_whole { whole.into() } else { number.into() }
}

/// A page of the run that the series comes from; its `{{label}}` are those of the series.
fn data_link(link: &Link) -> Value {
    let filled = |text: &str| text.replace("{{", "${__field.labels.").replace("}}", "}");
    json!({
        "title": filled(&link.title),
        "url": format!("http://${{__field.labels.instance}}/{}", filled(&link.path)),
        "targetBlank": true,
    })
}

fn legend(is_shown: bool) -> Value {
    json!({ "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": is_shown })
}

fn options(source: &Panel) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    match source.kind {
        Kind::Stat => {
            let text_mode = if source.show == Show::Name { "name" } else { "auto" };
            json!({
                "reduceOptions": last, "colorMode": "value", "graphMode": "none",
                "justifyMode": "auto", "orientation": "auto", "textMode": text_mode,
            })
        }
        Kind::Bargauge => json!({
            "reduceOptions": last, "displayMode": "basic", "orientation": "horizontal",
        }),
        Kind::Timeseries => json!({
            "legend": legend(true),
            "tooltip": { "mode": "multi", "sort": "desc" },
        }),
        Kind::Heatmap => json!({
            "calculate": false,
            "color": { "mode": "scheme", "scheme": "Oranges", "steps": 64 },
            "yAxis": { "unit": source.unit },
            "tooltip": { "mode": "single" },
        }),
        Kind::StateTimeline => json!({
            "mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.9,
            "legend": legend(false),
            "tooltip": { "mode": "single", "sort": "none" },
        }),
        Kind::Text => unreachable!("a text has no queries"),
    }
}

fn target(kind: Kind, index: usize, query: &Query, names: &Names) -> Value {
    let letter = char::from(b'A' + u8::try_from(index).unwrap());
    let is_instant = matches!(kind, Kind::Stat | Kind::Bargauge);
    let mut target = json!({
        "refId": letter.to_string(),
        "datasource": data_source(),
        "editorMode": "code",
        "expr": names.expand(&query.expr).trim(),
        "legendFormat": query.legend,
        "instant": is_instant,
        "range": !is_instant,
    });
    if kind == Kind::Heatmap {
        target["format"] = "heatmap".into();
    }
    if query.exemplar {
        target["exemplar"] = true.into();
    }
    target
}
