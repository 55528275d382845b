//! The life of an order, under arbitrary events.

use proptest::prelude::*;

use super::*;
use crate::domain::AssetId;

fn order() -> Order {
    let request = OrderRequest {
        id: OrderId::default(),
        decision: DecisionId::default(),
        account: AccountId::default(),
        instrument: InstrumentId::default(),
        side: Side::Buy,
        kind: OrderKind::Market,
        quantity: "3".parse().unwrap(),
        reduce_only: false,
    };
    Order::new(request, UnixNanos(1))
}

fn kind(choice: u8, trade_id: u64) -> OrderEventKind {
    match choice {
        0 => OrderEventKind::Denied,
        1 => OrderEventKind::Submitted,
        2 => OrderEventKind::Accepted { venue_order_id: 9 },
        3 => OrderEventKind::Rejected(RejectReason::LotSize),
        4 => OrderEventKind::CancelRequested,
        5 => OrderEventKind::CancelRejected,
        6 => OrderEventKind::Canceled,
        7 => OrderEventKind::Expired,
        8 => OrderEventKind::OutcomeUnknown,
        _ => OrderEventKind::Filled(Fill {
            order: OrderId::default(),
            trade_id,
            price: "10".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            liquidity: Liquidity::Taker,
            fee: Money::new(Num::ZERO, AssetId(0)),
        }),
    }
}

/// The arrows of the drawing; a fill before the acknowledgement passes through `Working`.
fn is_drawn(from: OrderState, to: OrderState) -> bool {
    use OrderState as S;
    match from {
        S::Created => matches!(to, S::Denied | S::Submitting),
        S::Submitting => {
            matches!(to, S::Working | S::PartiallyFilled | S::Filled | S::Rejected | S::Unknown)
        }
        S::Working | S::PartiallyFilled => matches!(
            to,
            S::Working
                | S::PartiallyFilled
                | S::CancelPending
                | S::Filled
                | S::Expired
                | S::Unknown
        ),
        S::CancelPending => matches!(
            to,
            S::CancelPending
                | S::Working
                | S::PartiallyFilled
                | S::Canceled
                | S::Filled
                | S::Expired
                | S::Unknown
        ),
        S::Unknown => !matches!(to, S::Created | S::Denied | S::Submitting | S::Unknown),
        S::Canceled => to == S::Canceled,
        _ => false,
    }
}

proptest! {
    /// An order that slips into a state the venue does not know is a position nobody sees.
    #[test]
    fn only_drawn_transitions_happen(
        choices in prop::collection::vec((0_u8..12, 0_u64..5), 0..40),
    ) {
        let mut order = order();
        for (choice, trade_id) in choices {
            let before = order.clone();
            let event = OrderEvent {
                order: OrderId::default(),
                time: UnixNanos(2),
                cause: Cause::default(),
                kind: kind(choice, trade_id),
            };
            if order.apply(&event).is_ok() {
                prop_assert!(
                    is_drawn(before.state, order.state),
                    "{:?} -> {:?}", before.state, order.state
                );
            } else {
                prop_assert_eq!(&order, &before, "an error changed the order");
            }
            prop_assert!(order.filled <= order.request.quantity);
            prop_assert_eq!(order.trade_ids.len().to_string(), order.filled.to_string());
        }
    }
}

#[test]
fn unknown_is_left_only_by_the_venues_word() {
    for choice in [0, 1, 4, 5, 8] {
        let mut order = order();
        order.state = OrderState::Unknown;
        let event = OrderEvent {
            order: OrderId::default(),
            time: UnixNanos(2),
            cause: Cause::default(),
            kind: kind(choice, 1),
        };
        assert!(order.apply(&event).is_err(), "{:?}", event.kind);
        assert_eq!(order.state, OrderState::Unknown);
    }
}
