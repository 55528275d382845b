//! Frames as text, and what must hold for every frame.

mod past;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::fixture;
use super::model::{Attached, Intent, Message, Model, Overlay, Pane};
use super::theme::{Palette, Theme};
use super::{render, update};
use crate::domain::{Num, UnixNanos};
use crate::engine::TradingState;
use crate::engine::record::StopReason;
use crate::engine::view::{
    DecisionView, EngineView, EvaluationView, LeafView, Mode, NodeView, RuleView, ValueView,
};
use crate::strategy::{Op, Truth};

fn model(width: u16, height: u16) -> Model {
    Model::new(Arc::new(fixture::view()), (width, height), Theme::default())
}

fn press(model: &mut Model, keys: &str) -> Option<Intent> {
    keys.chars().fold(None, |_, key| {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            key => KeyCode::Char(key),
        };
        code_press(model, code)
    })
}

fn code_press(model: &mut Model, code: KeyCode) -> Option<Intent> {
    update(model, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn control(model: &mut Model, key: char) -> Option<Intent> {
    update(model, Message::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL)))
}

fn frame(model: &Model) -> Buffer {
    render(model, model.view(), model.size.0, model.size.1)
}

fn text(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width.max(1)));
    let line = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>();
    rows.map(|row| line(row).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn screen(model: &Model) -> String {
    text(&frame(model))
}

/// Where a text begins on the screen.
fn find(buffer: &Buffer, wanted: &str) -> Option<(u16, u16)> {
    (0..buffer.area.height).find_map(|y| {
        let row: Vec<&str> = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let at = (0..row.len()).find(|x| row[*x..].concat().starts_with(wanted))?;
        Some((u16::try_from(at).unwrap(), y))
    })
}

#[test]
fn the_main_screen_at_three_sizes() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        insta::assert_snapshot!(format!("main_{width}x{height}"), screen(&model(width, height)));
    }
}

/// Lost if broken: the limit that refused, in the narrowest list, and a gap that nobody looked for.
#[test]
fn a_refusal_shows_both_numbers_and_a_lost_book_is_counted_at_every_size() {
    let mut view = fixture::view();
    let refused = view.decisions.iter_mut().find(|row| row.state == "REFUSED").unwrap();
    Arc::make_mut(refused).refusal = "position_notional 3840.75123 > 3000 quote".to_owned();
    let instrument = Arc::make_mut(&mut view.instruments[0]);
    (instrument.gaps, instrument.synced) = (2, false);
    let mut model = Model::new(Arc::new(view), (80, 24), Theme::default());
    assert!(screen(&model).contains("REFUSED position no… 3,840.75 > 3,000"));
    assert!(screen(&model).contains("gaps             2 syncing"), "{}", screen(&model));
    model.size = (120, 40);
    assert!(screen(&model).contains("REFUSED position notional 3,840.75 > 3,000"));
}

/// Lost if broken: what a newcomer does next; and the last line for everybody else.
#[test]
fn the_demo_says_the_two_keys_until_both_were_used() {
    let mut view = fixture::view();
    view.run.started = UnixNanos(view.now.0 - 20 * UnixNanos::SECOND);
    let view = Arc::new(view);
    let mut model = Model::new(Arc::clone(&view), (80, 24), Theme::default());
    insta::assert_snapshot!("coached_80x24", screen(&model));
    press(&mut model, "\n\u{1b}");
    let shown = screen(&model);
    assert!(shown.contains(" w: why not") && !shown.contains("Enter: why"), "{shown}");
    press(&mut model, "w\u{1b}");
    assert!(screen(&model).contains("w why not  / filter"), "{}", screen(&model));

    let wide = screen(&Model::new(Arc::clone(&view), (120, 40), Theme::default()));
    assert!(wide.contains("w: why not  for the row") && wide.contains("F9 HALT"), "{wide}");
    let last_line = |change: fn(&mut EngineView)| {
        let mut view = EngineView::clone(&view);
        change(&mut view);
        screen(&Model::new(Arc::new(view), (80, 24), Theme::default()))
    };
    assert!(!last_line(|view| view.run.mode = Mode::Paper).contains("Enter: why"));
    let later = |view: &mut EngineView| view.now = view.now.plus(200 * UnixNanos::SECOND);
    assert!(!last_line(later).contains("Enter: why"));
}

/// The decision as if the protective stop had made it.
fn stopped(decision: &DecisionView) -> DecisionView {
    let value = |name: &str, now| ValueView {
        name: name.to_owned(),
        now: Some(now),
        previous: None,
        parameter: false,
    };
    let leaf = LeafView {
        left: "last".to_owned(),
        op: Op::Le,
        right: "stop".to_owned(),
        left_values: (Some(63_925.1), None),
        right_values: (Some(63_930.5), None),
        margin: Some(-5.4),
    };
    let root = NodeView {
        text: "last <= stop".to_owned(),
        truth: Truth::True,
        leaf: Some(leaf),
        children: Vec::new(),
        first_blocker: false,
    };
    let evaluation = EvaluationView {
        id: "k7f3-0-0413".to_owned(),
        values: vec![value("entry", 64_013.0), value("last", 63_925.1), value("stop", 63_930.5)],
        rules: vec![RuleView { label: "exit_stop".to_owned(), root }],
        ..EvaluationView::clone(&decision.evaluation)
    };
    DecisionView { evaluation: Arc::new(evaluation), ..decision.clone() }
}

/// "Why was I sold?" must be answered with the exit's name and both numbers.
#[test]
fn why_names_the_exit_and_both_numbers() {
    let mut view = fixture::view();
    let closed = stopped(&view.decisions[0]);
    view.decisions.push(Arc::new(closed));
    let mut model = Model::new(Arc::new(view), (120, 40), Theme::default());
    let row = text(&frame(&model));
    assert!(row.contains("exit_stop: last 63,925.10 <= stop 63,930.50"), "{row}");
    press(&mut model, "\n");
    insta::assert_snapshot!("why_exit", screen(&model));
}

#[test]
fn why_shows_the_whole_chain() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut model = model(width, height);
        press(&mut model, "\n");
        insta::assert_snapshot!(format!("why_filled_{width}x{height}"), screen(&model));
    }
    let mut model = model(120, 40);
    press(&mut model, "jj\n");
    insta::assert_snapshot!("why_refused", screen(&model));
}

#[test]
fn why_not_shows_every_leaf_of_the_last_evaluation() {
    let mut model = model(120, 40);
    press(&mut model, "1jw");
    insta::assert_snapshot!("why_not", screen(&model));
}

#[test]
fn help_lists_every_key_and_finds_one_by_typing() {
    let mut model = model(120, 40);
    press(&mut model, "?");
    insta::assert_snapshot!("help", screen(&model));
    press(&mut model, "freeze");
    assert!(screen(&model).contains("trading goes on"));
    press(&mut model, "\n");
    assert!(model.frozen.is_some(), "Enter runs the line that was found");
}

#[test]
fn every_pane_alone_at_every_size_draws_without_panic() {
    let mut model = model(80, 24);
    for width in 0..60 {
        for height in 0..30 {
            model.size = (width, height);
            let overlays: &[&str] =
                if (width + height) % 4 == 0 { &["", "\n", "w", "?"] } else { &[""] };
            for overlay in overlays {
                press(&mut model, "\u{1b}\u{1b}6");
                press(&mut model, overlay);
                render(&model, model.view(), width, height);
            }
        }
    }
    for pane in Pane::ALL {
        model.overlay = Overlay::None;
        model.zoomed = true;
        model.focus = pane;
        for size in [(1, 1), (3, 3), (17, 6), (39, 9), (80, 24), (200, 50)] {
            render(&model, model.view(), size.0, size.1);
        }
    }
}

#[test]
fn an_empty_view_draws_at_every_layout() {
    let empty = Arc::new(EngineView::default());
    for (width, height) in [(40, 10), (80, 24), (120, 40), (200, 50)] {
        let mut model = Model::new(Arc::clone(&empty), (width, height), Theme::default());
        for keys in ["", "\n", "w", "1j", "3+-", "[]", "8G"] {
            press(&mut model, keys);
            render(&model, model.view(), width, height);
        }
    }
}

#[test]
fn freezing_holds_the_screen_and_says_that_trading_goes_on() {
    let mut model = model(120, 40);
    press(&mut model, " ");
    let mut later = fixture::view();
    later.account.equity = Num::new(777, 0).ok();
    update(&mut model, Message::View(Arc::new(later)));
    let frozen = screen(&model);
    assert!(frozen.contains("FROZEN 17:04:12") && frozen.contains("trading goes on"));
    assert!(frozen.contains("10,124.50") && !frozen.contains("777.00"));
    press(&mut model, " ");
    assert!(screen(&model).contains("777.00"));
}

#[test]
fn a_selected_row_stays_selected_while_rows_come_and_go() {
    let mut model = model(120, 40);
    press(&mut model, "j");
    let mut later = fixture::view();
    let newest = later.decisions.last().cloned().unwrap();
    later.decisions.push(newest);
    later.decisions.remove(0);
    update(&mut model, Message::View(Arc::new(later)));
    press(&mut model, "\n");
    assert!(screen(&model).contains("Why k7f3-0-0411"));
}

#[test]
fn a_filter_narrows_one_pane_and_esc_clears_it() {
    let mut model = model(120, 40);
    press(&mut model, "/refused\n");
    let narrowed = screen(&model);
    assert!(narrowed.contains("k7f3-0-0410") && !narrowed.contains("FILLED"));
    press(&mut model, "\u{1b}");
    assert!(screen(&model).contains("FILLED"));
}

#[test]
fn halting_needs_its_word_typed() {
    let mut model = model(80, 24);
    code_press(&mut model, KeyCode::F(9));
    let asked = screen(&model);
    assert!(asked.contains("1 open order will be canceled") && asked.contains("HALT"));
    assert_eq!(press(&mut model, "\n"), None);
    assert_eq!(press(&mut model, "halt\n"), None);
    assert_eq!(press(&mut model, "HALT\n"), Some(Intent::Halt));
    let mut halted = fixture::view();
    halted.run.trading = TradingState::Halted(StopReason::Operator);
    update(&mut model, Message::View(Arc::new(halted)));
    assert!(screen(&model).contains("HALTED: operator"));
    code_press(&mut model, KeyCode::F(9));
    assert_eq!(press(&mut model, "RESUME\n"), Some(Intent::Resume));
}

#[test]
fn only_real_money_asks_before_quitting_and_only_it_says_live() {
    let mut demo = model(80, 24);
    assert!(!screen(&demo).contains("LIVE"));
    assert_eq!(press(&mut demo, "q"), Some(Intent::Quit));
    let mut view = fixture::view();
    view.run.mode = Mode::Live;
    let mut live = Model::new(Arc::new(view), (80, 24), Theme::default());
    assert!(screen(&live).contains("LIVE"));
    assert_eq!(press(&mut live, "q"), None);
    assert_eq!(press(&mut live, "QUIT\n"), Some(Intent::Quit));
}

#[test]
fn interrupting_takes_two_and_suspending_is_refused() {
    let mut model = model(80, 24);
    assert_eq!(control(&mut model, 'z'), None);
    assert!(screen(&model).contains("Ctrl-Z is refused"));
    assert_eq!(control(&mut model, 'c'), None);
    assert!(screen(&model).contains("Ctrl-C again"));
    assert_eq!(control(&mut model, 'c'), Some(Intent::Quit));
}

#[test]
fn a_notice_leaves_after_a_few_ticks() {
    let mut model = model(80, 24);
    model.notify("hello");
    (0..5).for_each(|_| drop(update(&mut model, Message::Tick)));
    assert!(!model.wants_ticks() && !screen(&model).contains("hello"));
}

#[test]
fn without_colour_shapes_and_words_still_tell_everything() {
    let theme = Theme { palette: Palette::Plain, ..Theme::default() };
    let model = Model::new(Arc::new(fixture::view()), (120, 40), theme);
    let buffer = frame(&model);
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{}", cell.symbol());
    }
    let badge = find(&buffer, " DEMO ").unwrap();
    assert!(buffer[badge].modifier.contains(Modifier::REVERSED));
    let shown = text(&buffer);
    for shape in ["▲", "▼", "△", "▽", "█", "▒", "●", "+124.50", "-0.05", "▸", "╔"]
    {
        assert!(shown.contains(shape), "{shape} is missing");
    }
}

#[test]
fn gains_are_green_and_losses_red_on_a_terminal_with_colours() {
    let buffer = frame(&model(120, 40));
    assert_eq!(buffer[find(&buffer, "+124.50").unwrap()].fg, Color::Green);
    assert_eq!(buffer[find(&buffer, "-0.05").unwrap()].fg, Color::Red);
}

#[test]
fn stale_prices_are_marked_and_lost_messages_are_shouted() {
    let mut view = fixture::view();
    view.health.log_dropped = 3;
    let model = Model::new(Arc::new(view), (120, 40), Theme::default());
    let shown = screen(&model);
    assert!(shown.contains("~151.") && shown.contains("LOST 3"));
}

#[test]
fn privacy_hides_money_and_quantities() {
    let mut model = model(120, 40);
    press(&mut model, "P");
    let shown = screen(&model);
    assert!(!shown.contains("10,124.50") && !shown.contains("+0.00999"));
}

#[test]
fn no_text_of_others_can_steer_the_terminal() {
    let mut view = fixture::view();
    let evil = "x\u{1b}[31mRED\u{1b}]0;pwn\u{7}\u{202e}abc\u{200b}\tz";
    view.account.name = evil.into();
    for line in &mut view.log {
        Arc::make_mut(line).message = evil.into();
    }
    for decision in &mut view.decisions {
        let decision = Arc::make_mut(decision);
        decision.refusal = evil.into();
        Arc::make_mut(&mut decision.evaluation).strategy = evil.into();
    }
    let mut model = Model::new(Arc::new(view), (200, 50), Theme::default());
    for keys in ["", "\n", "w"] {
        press(&mut model, keys);
        let hidden = ['\u{200b}', '\u{202e}'];
        let unsafe_character = |c: char| c.is_control() || hidden.contains(&c);
        let clean = |cell: &Cell| !cell.symbol().chars().any(unsafe_character);
        assert!(frame(&model).content().iter().all(clean));
    }
}

#[test]
fn every_row_of_every_pane_answers_why_or_says_why_it_cannot() {
    for pane in Pane::ALL {
        let mut model = model(120, 40);
        press(&mut model, &format!("{}\n", pane.index() + 1));
        let answered = matches!(model.overlay, Overlay::Why(_)) || model.notice.is_some();
        assert!(answered, "{} is silent", pane.title());
    }
}

#[test]
fn the_strategy_pane_shows_the_rules_as_they_are_now() {
    let mut view = fixture::view();
    let rule = "rsi(14) < 30 and close > ema(200)";
    Arc::make_mut(&mut view.strategies[0]).rules = vec![("enter".into(), rule.into())];
    let mut model = Model::new(Arc::new(view), (120, 40), Theme::default());
    press(&mut model, "8z");
    assert!(screen(&model).contains(&format!("enter = {rule}")), "{}", screen(&model));
}

/// Lost if broken: the way out of every position, and that it cannot be taken by mistake.
#[test]
fn flattening_needs_its_word_typed_and_shows_how_far_it_is() {
    let mut model = model(120, 40);
    code_press(&mut model, KeyCode::F(8));
    let asked = screen(&model);
    assert!(asked.contains("2 positions will be closed at market"), "{asked}");
    assert_eq!(press(&mut model, "FLATTEN\n"), Some(Intent::Flatten));
    let mut view = fixture::view();
    view.run.trading = TradingState::Flattening;
    update(&mut model, Message::View(Arc::new(view.clone())));
    assert!(screen(&model).contains("FLATTENING: 1 held, 1 open"), "{}", screen(&model));
    view.positions.clear();
    view.orders.retain(|order| order.state.is_terminal());
    update(&mut model, Message::View(Arc::new(view)));
    assert!(screen(&model).contains("FLAT: operator, no entries"));
    code_press(&mut model, KeyCode::F(9));
    assert_eq!(press(&mut model, "RESUME\n"), Some(Intent::Resume));
}

/// Lost if broken: pausing the strategy that was meant, though its row moves while one types.
#[test]
fn pausing_means_the_strategy_of_the_row_under_the_cursor_when_the_key_was_pressed() {
    let mut model = model(120, 40);
    press(&mut model, "8p");
    let strategy = fixture::view().strategies[0].last[0].strategy.clone();
    assert!(screen(&model).contains(&format!("Pause {strategy} of the")), "{}", screen(&model));
    let mut view = fixture::view();
    view.strategies.reverse();
    update(&mut model, Message::View(Arc::new(view)));
    assert_eq!(press(&mut model, "PAUSE\n"), Some(Intent::Pause(strategy.clone())));
    let mut view = fixture::view();
    Arc::make_mut(&mut view.strategies[0]).paused = true;
    update(&mut model, Message::View(Arc::new(view)));
    let shown = screen(&model);
    assert!(shown.contains(&format!("PAUSED: {strategy}")), "{shown}");
    press(&mut model, "8gp");
    assert_eq!(press(&mut model, "RESUME\n"), Some(Intent::ResumeStrategy(strategy)));
    press(&mut model, "1p");
    assert!(screen(&model).contains("which strategy?"));
}

/// Lost if broken: knowing that one looks at another process, and that leaving ends nothing.
#[test]
fn an_attached_screen_says_so_and_a_read_only_one_gives_no_commands() {
    let view = Arc::new(fixture::view());
    let attached =
        |how| Model::new(Arc::clone(&view), (120, 40), Theme::default()).with_attached(Some(how));
    let mut model = attached(Attached::Commands);
    let shown = screen(&model);
    assert!(
        shown.contains(" DEMO   attached") && shown.contains("leave, the run goes on"),
        "{shown}"
    );
    control(&mut model, 'c');
    assert!(screen(&model).contains("closes this screen; the run goes on"));
    press(&mut model, "?close this");
    assert!(screen(&model).contains("close this screen; the run goes on"));
    let mut live = fixture::view();
    live.run.mode = Mode::Live;
    let mut model = attached(Attached::ReadOnly);
    update(&mut model, Message::View(Arc::new(live)));
    assert!(screen(&model).contains("attached, read-only") && !screen(&model).contains("HALT"));
    for key in [KeyCode::F(9), KeyCode::F(8), KeyCode::Char('p')] {
        press(&mut model, "8");
        assert_eq!(code_press(&mut model, key), None);
        assert_eq!(model.overlay, Overlay::None);
        assert!(screen(&model).contains("read-only: it gives no commands"));
    }
    assert_eq!(press(&mut model, "q"), Some(Intent::Quit));
}
