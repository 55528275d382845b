//! Ids as people give them: `k7f3-1-0412` a decision, `k7f3-1-o0007` an order, `k7f3-1-o0007-f1`
//! a fill.

use crate::domain::{DecisionId, OrderId, RunId, StrategyId};

/// What an id names in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// A decision.
    Decision(DecisionId),
    /// An order, or a fill of it.
    Order(OrderId),
}

/// Reads an id of this run; `None` for anything else.
pub fn parse(run: &RunId, text: &str) -> Option<Named> {
    let rest = text.strip_prefix(run.prefix())?.strip_prefix('-')?;
    let mut parts = rest.split('-');
    let strategy = StrategyId(number(parts.next()?)?);
    let own = parts.next()?;
    let fill = parts.next().map(|fill| fill.strip_prefix('f').and_then(number::<u32>));
    match (own.strip_prefix('o'), fill, parts.next()) {
        (None, None, None) => Some(Named::Decision(DecisionId { strategy, n: number(own)? })),
        (Some(order), None | Some(Some(_)), None) => {
            Some(Named::Order(OrderId { strategy, n: number(order)? }))
        }
        _ => None,
    }
}

/// Plain digits: no sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the way from a log line or an order at the venue to its decision.
    #[test]
    fn every_id_that_is_shown_can_be_read() {
        let run = RunId("20261122-204000-k7f3".to_owned());
        let strategy = StrategyId(1);
        let decision = DecisionId { strategy, n: 412 };
        let order = OrderId { strategy, n: 7 };
        assert_eq!(parse(&run, &run.decision(decision)), Some(Named::Decision(decision)));
        assert_eq!(parse(&run, &run.order(order)), Some(Named::Order(order)));
        assert_eq!(parse(&run, "k7f3-1-o0007-f2"), Some(Named::Order(order)));
        for other in ["", "k7f3", "k7f3-1", "abcd-1-0412", "k7f3-1-+5", "k7f3-1-0412-f1", "k7f3-1-"]
        {
            assert_eq!(parse(&run, other), None, "{other:?}");
        }
    }
}
