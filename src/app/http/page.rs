//! Pages: a decision for people, readable without a script, in whatever light the reader prefers.
//!
//! Everything that is not written here is escaped.

use std::fmt::Write as _;

use super::ROUTES;
use super::answer::Refused;
use crate::app::decision::document::{Document, Event, Node, Operand, Order, RiskCheck};
use crate::app::decision::store::Found;
use crate::engine::viewer::resolve::number_or_missing;
use crate::strategy::Truth;

const STYLE: &str = include_str!("page.css");

/// A page in the making.
struct Page {
    body: String,
    base: String,
}

/// A decision, from its event to the position it left.
pub fn decision(found: &Found, base: &str) -> String {
    let document = &found.document;
    let title = format!("{} {}", document.id, document.state);
    let mut page = Page { body: String::new(), base: escaped(base) };
    page.links(found);
    page.head(document);
    page.event(document);
    page.inputs(document);
    page.rules(document);
    page.signal(document);
    page.risk(document);
    if let Some(order) = &document.order {
        page.order(order);
        page.fills(order);
    }
    page.position(document);
    page.section("EXPLAIN");
    page.put(&format!("<pre>{}</pre>", escaped(&document.explain)));
    whole(&title, &page.body)
}

/// What is said where there is no decision of that name.
pub fn missing(refused: &Refused, base: &str) -> String {
    let mut page = Page { body: String::new(), base: escaped(base) };
    page.put(&format!("<h1>Not here</h1><p>{}</p>", escaped(refused.error())));
    if !refused.nearest().is_empty() {
        page.put("<p>The nearest that are:</p><ul>");
        for id in refused.nearest() {
            let link = page.decision_link(id, id);
            page.put(&format!("<li>{link}</li>"));
        }
        page.put("</ul>");
    }
    whole("not found", &page.body)
}

/// What there is.
pub fn index(base: &str) -> String {
    let mut body = "<h1>tickscope</h1><ul>".to_owned();
    let others = [("/metrics", "metrics"), ("/healthz", "alive"), ("/readyz", "ready")];
    for (path, what) in ROUTES.iter().chain(&others) {
        // A route with a name in it leads nowhere by itself.
        let shown = if path.contains('{') {
            format!("<code>{path}</code>")
        } else {
            format!("<a href=\"{}{path}\"><code>{path}</code></a>", escaped(base))
        };
        let _ = write!(body, "<li>{shown} <span class=\"dim\">{what}</span></li>");
    }
    body.push_str("</ul>");
    whole("tickscope", &body)
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        escaped(title)
    )
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// An exact number, or a dash where there is none.
fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

impl Page {
    fn put(&mut self, markup: &str) {
        self.body.push_str(markup);
    }

    fn section(&mut self, name: &str) {
        let _ = write!(self.body, "<h2>{name}</h2>");
    }

    /// A table of what is called how; texts are escaped here.
    fn facts(&mut self, facts: &[(&str, String)]) {
        self.put("<table>");
        for (name, value) in facts {
            let _ = write!(self.body, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value));
        }
        self.put("</table>");
    }

    fn decision_link(&self, id: &str, text: &str) -> String {
        format!("<a href=\"{}/decisions/{}\">{}</a>", self.base, escaped(id), escaped(text))
    }

    fn links(&mut self, found: &Found) {
        self.put("<nav>");
        for (id, text) in [(&found.previous, "← previous"), (&found.next, "next →")] {
            let link = match id {
                Some(id) => self.decision_link(id, &format!("{text} {id}")),
                None => format!("<span class=\"dim\">{text}</span>"),
            };
            self.put(&link);
        }
        let base = self.base.clone();
        for path in ["/decisions", "/orders", "/fills", "/positions", "/strategies"] {
            let name = path.trim_start_matches('/');
            self.put(&format!("<a href=\"{base}{path}\">{name}</a>"));
        }
        self.put("</nav>");
    }

    fn head(&mut self, document: &Document) {
        let Document { id, strategy, instrument, time, state, .. } = document;
        let line = [strategy, instrument, time].map(|text| escaped(text)).join(" · ");
        let (id, state) = (escaped(id), escaped(state));
        let head = format!(
            "<h1>Why {id} <span class=\"state\">{state}</span></h1><div class=\"dim\">{line}</div>"
        );
        self.put(&head);
    }

    fn event(&mut self, document: &Document) {
        self.section("EVENT");
        let mut facts = match &document.trigger {
            Event::Trade { trade_id, time, price, quantity, aggressor } => vec![
                ("trade", format!("{price} × {quantity}")),
                ("aggressor", aggressor.as_str().to_owned()),
                ("trade id", trade_id.to_string()),
                ("at the venue", time.clone()),
            ],
            Event::Quote { update_id, bid, ask } => vec![
                ("bid", format!("{} × {}", bid.price, bid.quantity)),
                ("ask", format!("{} × {}", ask.price, ask.quantity)),
                ("update id", update_id.to_string()),
            ],
            Event::Bar { bar, close_time, open, high, low, close, trades, quality, .. } => vec![
                ("bar closed", format!("{bar}, {}", quality.as_str())),
                ("open high low close", format!("{open}  {high}  {low}  {close}")),
                ("trades", trades.to_string()),
                ("ends at the venue", close_time.clone()),
            ],
            Event::Due { time } => vec![("time is up", time.clone())],
            Event::Operator => vec![("operator", "decided in the strategy's place".to_owned())],
        };
        facts.push(("received", document.time.clone()));
        facts.push(("on the tape", format!("@{}", document.cause.seq)));
        self.facts(&facts);
    }

    fn inputs(&mut self, document: &Document) {
        self.section("INPUTS");
        self.put("<table><tr><th>name</th><th>value</th><th>previous</th></tr>");
        for value in &document.values {
            let previous = if value.parameter {
                "parameter".to_owned()
            } else {
                number_or_missing(value.previous)
            };
            let (name, now) = (escaped(&value.name), number_or_missing(value.value));
            let row = format!("<tr><td>{name}</td><td>{now}</td><td>{previous}</td></tr>");
            self.put(&row);
        }
        self.put("</table>");
    }

    fn rules(&mut self, document: &Document) {
        self.section("RULES");
        for rule in &document.rules {
            self.put(&format!("<div class=\"dim\">{}</div>", escaped(&rule.label)));
            self.put("<ul class=\"tree\">");
            self.node(&rule.tree);
            self.put("</ul>");
        }
        for log in &document.logs {
            self.put(&format!("<div class=\"dim\">{}</div>", escaped(&log.text)));
        }
    }

    fn node(&mut self, node: &Node) {
        let class = match node.result {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown => "unknown",
        };
        let numbers = match (&node.left, node.op, &node.right) {
            (Some(left), Some(op), Some(right)) => {
                format!("{} {op} {}", operand(left), operand(right))
            }
            _ => node.text.clone(),
        };
        let (open, mark) =
            if node.first_blocker { (" class=\"first\"", " ◂ first blocker") } else { ("", "") };
        let line = format!(
            "<li><span{open}><span class=\"{class}\">{}</span> {}{mark}</span>",
            node.result.mark(),
            escaped(&numbers),
        );
        self.put(&line);
        if !node.children.is_empty() {
            self.put("<ul class=\"tree\">");
            node.children.iter().for_each(|child| self.node(child));
            self.put("</ul>");
        }
        self.put("</li>");
    }

    fn signal(&mut self, document: &Document) {
        self.section("SIGNAL");
        match (&document.signal, &document.blocked_by) {
            (Some(signal), _) => {
                let text = format!("{} {}", signal.side.as_str(), signal.quantity);
                self.facts(&[("wants", text), ("before flooring", signal.wanted.to_string())]);
            }
            (None, Some(blocker)) => {
                self.facts(&[("none", format!("{} ◂", blocker.text))]);
            }
            (None, None) => self.facts(&[("none", document.outcome.clone())]),
        }
    }

    fn risk(&mut self, document: &Document) {
        if document.checks.is_empty() {
            return;
        }
        self.section("RISK");
        self.put("<table><tr><th></th><th>check</th><th>measured</th><th>limit</th><th></th></tr>");
        let first = document.checks.iter().position(|check| !check.passed);
        for (at, check) in document.checks.iter().enumerate() {
            self.check(check, Some(at) == first);
        }
        self.put("</table>");
        if let Some(refusal) = &document.refusal {
            self.put(&format!("<p class=\"false\">refused: {}</p>", escaped(refusal)));
        }
    }

    fn check(&mut self, check: &RiskCheck, first: bool) {
        let (class, mark) = if check.passed { ("true", "✓") } else { ("false", "✗") };
        let (row, blocker) =
            if first { (" class=\"first\"", "◂ first blocker") } else { ("", "") };
        // Percent is a ratio in records: it is shown as what it is.
        let unit = if check.unit == "%" { "ratio" } else { check.unit };
        let line = format!(
            "<tr{row}><td class=\"{class}\">{mark}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"dim\">{unit} {blocker}</td></tr>",
            check.check,
            shown(check.observed),
            shown(check.limit),
        );
        self.put(&line);
    }

    fn order(&mut self, order: &Order) {
        self.section("ORDER");
        let price = order.limit_price.map_or_else(String::new, |price| format!(" at {price}"));
        let wanted = format!("{} {} {}{price}", order.kind, order.side.as_str(), order.quantity);
        let mut facts = vec![("client order id", order.id.clone()), ("order", wanted)];
        if let Some(arrival) = order.arrival {
            facts.push(("saw", format!("{} / {}", arrival.bid, arrival.ask)));
        }
        facts.push(("venue order id", shown(order.venue_order_id)));
        facts.push(("state", order.state.as_str().to_owned()));
        facts.push(("filled", order.filled.to_string()));
        facts.push(("average price", shown(order.average_price)));
        facts.push(("created", order.created.clone()));
        facts.push(("acknowledged", shown(order.acknowledged.as_ref())));
        facts.push(("last event", order.updated.clone()));
        if let Some(reject) = &order.reject {
            facts.push(("refused by the venue", reject.clone()));
        }
        self.facts(&facts);
    }

    fn fills(&mut self, order: &Order) {
        if order.fills.is_empty() {
            return;
        }
        self.section("FILL");
        self.put("<table><tr><th>id</th><th>time</th><th>quantity</th><th>price</th>");
        self.put("<th>liquidity</th><th>fee</th></tr>");
        for fill in &order.fills {
            let liquidity = match fill.liquidity {
                crate::domain::Liquidity::Maker => "maker",
                crate::domain::Liquidity::Taker => "taker",
            };
            let row = format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{liquidity}</td>\
                 <td>{} {}</td></tr>",
                escaped(&fill.id),
                fill.time,
                fill.quantity,
                fill.price,
                fill.fee,
                escaped(&fill.fee_asset),
            );
            self.put(&row);
        }
        self.put("</table>");
    }

    fn position(&mut self, document: &Document) {
        let Some(position) = document.position else { return };
        self.section("POSITION");
        self.facts(&[
            ("before", position.before.to_string()),
            ("after", position.after.to_string()),
            ("average entry", shown(position.average_entry)),
            ("realised", shown(document.realised)),
        ]);
    }
}

/// A name with its numbers; a plain number is its own name.
fn operand(operand: &Operand) -> String {
    let now = number_or_missing(operand.value);
    if operand.expr == now { now } else { format!("{} {now}", operand.expr) }
}
