//! The past: its bar, its keys, and that it can neither trade nor end a run.

use super::*;
use crate::domain::Side;
use crate::engine::view::{MarkerKind, ReplayMark, ReplayMarkKind, ReplayView};
use crate::tui::keymap::Stage;
use crate::tui::model::{Filter, Playback};

const SECOND: u64 = UnixNanos::SECOND;

/// The fixture's moment, in the midst of a recording.
fn recorded(change: impl FnOnce(&mut ReplayView)) -> EngineView {
    let mut view = fixture::view();
    view.run.mode = Mode::Replay;
    let began = view.run.started;
    let mark = |seconds: u64, kind| ReplayMark { time: began.plus(seconds * SECOND), kind };
    let mut replay = ReplayView {
        session: view.run.id.clone(),
        speed: 8,
        seq: 1_204_881,
        last_seq: 5_882_004,
        began,
        ends: view.now.plus(1_500 * SECOND),
        proven: (411, 38),
        marks: Arc::new(vec![
            mark(400, ReplayMarkKind::Signal),
            mark(440, ReplayMarkKind::Fill),
            mark(1_500, ReplayMarkKind::Gap),
            mark(2_300, ReplayMarkKind::Refusal),
            mark(4_700, ReplayMarkKind::Fill),
        ]),
        breaks: vec!["decision".to_owned(), "refusal".to_owned()],
        stopped_by: "decision k7f3-0-0412".to_owned(),
        ..ReplayView::default()
    };
    change(&mut replay);
    EngineView { replay: Some(Arc::new(replay)), ..view }
}

fn replayed(width: u16, height: u16) -> Model {
    Model::new(Arc::new(recorded(|_| {})), (width, height), Theme::default())
}

/// A run, and the past in front of it.
fn beside(width: u16, height: u16) -> Model {
    let mut model = model(width, height);
    show(&mut model, |_| {});
    model
}

fn show(model: &mut Model, change: impl FnOnce(&mut ReplayView)) {
    let past = recorded(|replay| {
        replay.beside_live = true;
        change(replay);
    });
    update(model, Message::Past(Some(Arc::new(past))));
}

#[expect(clippy::unnecessary_wraps, reason = "what update answers")]
fn playback(playback: Playback) -> Option<Intent> {
    Some(Intent::Playback(playback))
}

fn go_to(place: &str) -> Option<Intent> {
    playback(Playback::GoTo(place.to_owned()))
}

/// The bar and the last line.
fn bar(model: &Model) -> String {
    let shown = screen(model);
    let lines: Vec<&str> = shown.lines().collect();
    let high = lines.iter().position(|line| line.starts_with(['┌', '╔'])).unwrap();
    let mut kept = lines[..high].to_vec();
    kept.push(lines.last().unwrap());
    kept.join("\n")
}

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 50)];

#[test]
fn the_replay_screen_at_three_sizes() {
    for (width, height) in &SIZES[1..] {
        let name = format!("replay_{width}x{height}");
        insta::assert_snapshot!(name, screen(&replayed(*width, *height)));
    }
}

/// Lost if broken: seeing that a replay is not the recording, and that trading goes on meanwhile.
#[test]
fn the_bar_says_where_it_is_whether_it_is_equal_and_how_the_living_run_fares() {
    let different = |replay: &mut ReplayView| {
        replay.parted =
            "at input 1,204,880: position notional 3,840.75 is 3,840.76 here, the first \
                         of the fields of the risk check that are not what was recorded"
                .to_owned();
    };
    let playing = |replay: &mut ReplayView| (replay.playing, replay.speed) = (true, 0);
    let mut all = Vec::new();
    for (width, height) in SIZES {
        let alone = |change: &dyn Fn(&mut ReplayView)| {
            let view = Arc::new(recorded(change));
            Model::new(view, (width, height), Theme::default())
        };
        let mut living = beside(width, height);
        let mut different_beside = beside(width, height);
        show(&mut different_beside, different);
        all.push(format!("{width}x{height} plays\n{}", bar(&alone(&playing))));
        all.push(format!("{width}x{height} differs\n{}", bar(&alone(&different))));
        all.push(format!("{width}x{height} beside\n{}", bar(&living)));
        all.push(format!("{width}x{height} beside, differs\n{}", bar(&different_beside)));
        let mut halted = fixture::view();
        halted.run.trading = TradingState::Halted(StopReason::DailyLoss);
        halted.account.equity = Num::new(9_400, 0).ok();
        update(&mut living, Message::View(Arc::new(halted)));
        all.push(format!("{width}x{height} beside, halted\n{}", bar(&living)));
    }
    insta::assert_snapshot!("replay_bars", all.join("\n\n"));
}

#[test]
fn keys_move_in_a_recording_alone_and_beside_its_run() {
    for mut model in [replayed(120, 40), beside(120, 40)] {
        for (keys, wanted) in [
            (" ", Playback::Toggle),
            (".", Playback::Step(1)),
            (",", Playback::Step(-1)),
            (">", Playback::Decision(true)),
            ("<", Playback::Decision(false)),
            ("+", Playback::Faster(true)),
            ("-", Playback::Faster(false)),
        ] {
            assert_eq!(press(&mut model, keys), playback(wanted.clone()), "{keys}");
            // The chain of a decision stays open while one moves.
            press(&mut model, "\n");
            assert_eq!(press(&mut model, keys), playback(wanted), "{keys} in why");
            press(&mut model, "\u{1b}");
        }
        assert!(model.frozen.is_none(), "the past is not frozen, it waits");
    }
    let mut living = model(120, 40);
    for keys in [".", ",", ">", "<", "+", "-", "g", "b", " "] {
        assert_eq!(press(&mut living, keys), None, "{keys} in a run that is live");
    }
}

#[test]
fn nothing_can_be_traded_in_the_past() {
    for mut model in [replayed(120, 40), beside(120, 40)] {
        for key in [KeyCode::F(9), KeyCode::F(8), KeyCode::Char('p')] {
            assert_eq!(code_press(&mut model, key), None);
            assert_eq!(model.overlay, Overlay::None);
            let shown = screen(&model);
            assert!(shown.contains("this is the past: nothing can be traded in it"), "{shown}");
        }
    }
}

/// Lost if broken: a run that ends because somebody wanted out of its past.
#[test]
fn leaving_the_past_beside_a_run_ends_nothing_and_a_replay_ends_without_asking() {
    let mut living = beside(120, 40);
    for keys in ["\u{1b}", "q"] {
        assert_eq!(press(&mut living, keys), playback(Playback::Leave));
    }
    press(&mut living, "?");
    assert_eq!(press(&mut living, "\u{1b}"), None, "Esc closes what is open first");
    press(&mut living, "/x\n");
    assert_eq!(press(&mut living, "\u{1b}"), None, "and clears the filter");
    assert_eq!(press(&mut living, "\u{1b}"), playback(Playback::Leave));

    let mut view = recorded(|_| {});
    view.run.mode = Mode::Live;
    let mut replay = Model::new(Arc::new(view), (120, 40), Theme::default());
    assert!(!screen(&replay).contains("LIVE"), "nothing is at stake in the past");
    let buffer = frame(&replay);
    let corner = find(&buffer, "┌").unwrap();
    assert_ne!(buffer[corner].fg, Color::Red);
    assert_eq!(press(&mut replay, "\u{1b}"), None);
    assert_eq!(press(&mut replay, "q"), Some(Intent::Quit));
    control(&mut replay, 'c');
    assert!(screen(&replay).contains("Ctrl-C again ends the replay"));
}

#[test]
fn a_row_leads_to_its_moment_from_every_pane() {
    let newest = fixture::view().decisions.last().unwrap().evaluation.clone();
    let blocked = fixture::view().strategies[0].last[1].clone();
    let at = |seq| Some(Intent::TimeTravel(seq));
    let numbered = || {
        let mut view = fixture::view();
        for (seq, decision) in (100..).zip(&mut view.decisions) {
            Arc::make_mut(&mut Arc::make_mut(decision).evaluation).seq = seq;
        }
        Arc::make_mut(&mut Arc::make_mut(&mut view.strategies[0]).last[1]).seq = 2_000_000;
        Model::new(Arc::new(view), (120, 40), Theme::default())
    };
    let mut live = numbered();
    assert_eq!(press(&mut live, "t"), at(103), "the newest decision");
    assert_eq!(press(&mut live, "jt"), at(102));
    assert_eq!(press(&mut live, "\nt"), at(102), "from its chain");
    assert_eq!(press(&mut live, "\u{1b}5jt"), at(103), "an order's decision");
    assert_eq!(press(&mut live, "7t"), at(103), "a log line's");
    assert_eq!(press(&mut live, "4t"), at(103), "a position's");
    assert_eq!(press(&mut live, "8jt"), at(2_000_000), "an evaluation that is no row");
    assert_eq!(press(&mut live, "1jt"), at(2_000_000), "an instrument's newest evaluation");
    assert_eq!(press(&mut live, "wt"), at(2_000_000), "from why not");
    assert_eq!(press(&mut live, "9t"), None);
    assert!(screen(&live).contains("health is no decision"));
    press(&mut live, "6 ");
    assert_eq!(press(&mut live, "t"), at(102), "a frozen screen keeps its row");

    let mut replay = replayed(120, 40);
    assert_eq!(press(&mut replay, "t"), go_to(&newest.id));
    assert_eq!(press(&mut replay, "8jt"), go_to(&blocked.id));
    // The order's decision is not held: the recording knows it all the same.
    assert_eq!(press(&mut replay, "5t"), go_to("k7f3-1-o0003"));
    assert_eq!(press(&mut replay, "9t"), None);
}

#[test]
fn a_place_is_proposed_and_the_first_character_replaces_it() {
    let mut model = replayed(80, 24);
    press(&mut model, "jg");
    insta::assert_snapshot!("replay_go_to", screen(&model));
    let buffer = frame(&model);
    let (x, y) = find(&buffer, "> k7f3-0-0411").unwrap();
    assert!(buffer[(x + 2, y)].modifier.contains(Modifier::REVERSED));
    assert_eq!(press(&mut model, "\n"), go_to("k7f3-0-0411"));
    assert_eq!(model.overlay, Overlay::None);
    assert_eq!(press(&mut model, "g16:42\n"), go_to("16:42"));
    press(&mut model, "g");
    code_press(&mut model, KeyCode::Backspace);
    assert_eq!(press(&mut model, " \n"), None, "nowhere");
    press(&mut model, "g");
    code_press(&mut model, KeyCode::End);
    code_press(&mut model, KeyCode::Backspace);
    assert_eq!(press(&mut model, "0\n"), go_to("k7f3-0-0410"), "what was moved in is kept");
    press(&mut model, "g");
    update(&mut model, Message::Paste("k7f3-0-o0009\n".to_owned()));
    assert_eq!(press(&mut model, "\n"), go_to("k7f3-0-o0009"));
    press(&mut model, "1g");
    assert_eq!(press(&mut model, "\n"), None, "an instrument has no id");
    press(&mut model, "g1\u{1b}");
    assert_eq!(model.overlay, Overlay::None);
}

#[test]
fn what_ends_playing_is_shown_and_changed_in_a_menu() {
    let mut model = replayed(80, 24);
    press(&mut model, "b");
    insta::assert_snapshot!("replay_breaks", screen(&model));
    let kind = |name: &str| playback(Playback::Break(name.to_owned()));
    let expression = |text: &str| playback(Playback::Expression(text.to_owned()));
    assert_eq!(press(&mut model, " "), kind("decision"));
    assert_eq!(press(&mut model, "jj\n"), kind("fill"));
    assert_eq!(press(&mut model, "jjj"), None);
    assert_eq!(press(&mut model, "rsi < 30 and jk > 1\n"), expression("rsi < 30 and jk > 1"));
    // It may be refused: what was typed stays to be mended.
    assert_eq!(press(&mut model, "0\n"), expression("rsi < 30 and jk > 10"));
    let holding = recorded(|replay| replay.expression = "rsi < 30".to_owned());
    update(&mut model, Message::View(Arc::new(holding)));
    press(&mut model, "\u{1b}b");
    assert!(screen(&model).contains("[x] rsi < 30"), "{}", screen(&model));
    code_press(&mut model, KeyCode::Up);
    (0..6).for_each(|_| drop(code_press(&mut model, KeyCode::Down)));
    (0..8).for_each(|_| drop(code_press(&mut model, KeyCode::Backspace)));
    assert_eq!(press(&mut model, "\n"), expression(""), "none any more");
    update(&mut model, Message::Paste("atr > 10".to_owned()));
    assert_eq!(press(&mut model, "\n"), expression("atr > 10"));
}

#[test]
fn the_help_and_the_last_line_show_the_keys_of_the_past() {
    let mut model = replayed(120, 40);
    press(&mut model, "?");
    insta::assert_snapshot!("replay_help", screen(&model));
    assert_eq!(press(&mut model, "one input back\n"), playback(Playback::Step(-1)));
    press(&mut model, "?freeze");
    assert!(!screen(&model).contains("trading goes on"));
    let mut living = beside(80, 24);
    assert!(screen(&living).contains("q back  g go to"), "{}", screen(&living));
    press(&mut living, "?living run");
    assert!(screen(&living).contains("back to the living run"));
}

/// Lost if broken: the way back to what one was doing.
#[test]
fn when_the_past_goes_the_screen_is_where_it_was() {
    let mut model = model(120, 40);
    press(&mut model, "5j/sell\n \n");
    let before = screen(&model);
    assert!(before.contains("FROZEN") && matches!(model.overlay, Overlay::Why(_)));
    show(&mut model, |_| {});
    assert!(screen(&model).contains("beside the living run: Esc returns"));
    press(&mut model, "\u{1b}6jz8");
    show(&mut model, |replay| replay.seq += 1);
    let filtered = Some(Filter { pane: Pane::Orders, text: "sell".to_owned(), typing: false });
    assert_eq!(model.filter, filtered);
    press(&mut model, "?");
    update(&mut model, Message::Past(None));
    assert_eq!(screen(&model), before);
    assert_eq!(model.stage(), Stage::Run);
}

#[test]
fn an_open_chain_is_that_of_the_past_or_closes() {
    let mut model = model(120, 40);
    press(&mut model, "\n");
    let mut past = recorded(|_| {});
    let last = Arc::make_mut(past.decisions.last_mut().unwrap());
    last.state = "OPEN".to_owned();
    update(&mut model, Message::Past(Some(Arc::new(past.clone()))));
    assert!(screen(&model).contains("BUY  0.01000  OPEN"), "{}", screen(&model));
    // What the run does meanwhile is not the past.
    update(&mut model, Message::View(Arc::new(fixture::view())));
    assert!(screen(&model).contains("BUY  0.01000  OPEN"), "{}", screen(&model));
    update(&mut model, Message::Past(None));
    assert!(screen(&model).contains("BUY  0.01000  FILLED"), "{}", screen(&model));
    past.decisions.pop();
    past.strategies.clear();
    update(&mut model, Message::Past(Some(Arc::new(past))));
    assert_eq!(model.overlay, Overlay::None);
    update(&mut model, Message::Past(None));
    assert!(matches!(model.overlay, Overlay::Why(_)));
}

/// Lost if broken: a halt that somebody was typing when the past came up.
#[test]
fn a_question_that_is_open_is_about_the_living_run_and_can_be_answered() {
    let mut model = model(120, 40);
    code_press(&mut model, KeyCode::F(9));
    press(&mut model, "HA");
    show(&mut model, |_| {});
    assert!(screen(&model).contains("Stop all trading of the DEMO account"));
    assert_eq!(press(&mut model, "LT\n"), Some(Intent::Halt));
    update(&mut model, Message::Past(None));
    assert_eq!(model.overlay, Overlay::None);
}

#[test]
fn of_several_marks_in_a_cell_the_most_important_shows_and_the_place_before_all() {
    use ReplayMarkKind::{Fill, Gap, Refusal, Signal};
    let shown = |kinds: &[ReplayMarkKind]| {
        let view = recorded(|replay| {
            let time = replay.began.plus(60 * SECOND);
            replay.marks = kinds
                .iter()
                .map(|kind| ReplayMark { time, kind: *kind })
                .collect::<Vec<_>>()
                .into();
        });
        let model = Model::new(Arc::new(view), (120, 40), Theme::default());
        let buffer = frame(&model);
        let row: String = (0..120).map(|x| buffer[(x, 2)].symbol()).collect();
        assert!(row.starts_with(" 16:00 ├") && row.contains('●'), "{row}");
        row.chars().find(|c| "△▲x!".contains(*c))
    };
    assert_eq!(shown(&[Gap]), Some('!'));
    assert_eq!(shown(&[Gap, Signal]), Some('△'));
    assert_eq!(shown(&[Refusal, Signal, Gap]), Some('x'));
    assert_eq!(shown(&[Signal, Fill, Refusal]), Some('▲'));
    let view = recorded(|replay| {
        let now = replay.ends;
        replay.marks =
            Arc::new(vec![ReplayMark { time: UnixNanos(now.0 - 1_500 * SECOND), kind: Fill }]);
    });
    let row = bar(&Model::new(Arc::new(view), (120, 40), Theme::default()));
    assert!(!row.contains('▲') && row.contains('●'), "{row}");
}

#[test]
fn the_bar_has_its_colours_and_does_without() {
    let view = recorded(|replay| replay.parted = "at input 7".to_owned());
    let mut model = Model::new(Arc::new(view), (120, 40), Theme::default());
    let buffer = frame(&model);
    let at = |buffer: &Buffer, text: &str| buffer[find(buffer, text).unwrap()].clone();
    assert_eq!(at(&buffer, " REPLAY ").bg, Color::Magenta);
    assert_eq!(at(&buffer, "✗ DIFFERENT at input 7").fg, Color::Red);
    assert_eq!(at(&buffer, "△").fg, Color::Cyan);
    let after = find(&buffer, "●─").map(|(x, y)| (x + 1, y)).unwrap();
    assert!(buffer[after].modifier.contains(Modifier::DIM));
    assert_eq!(at(&frame(&replayed(120, 40)), "✓ 411").fg, Color::Green);
    model.theme = Theme { palette: Palette::Plain, ..Theme::default() };
    let plain = frame(&model);
    assert!(plain.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(at(&plain, " REPLAY ").modifier.contains(Modifier::REVERSED));
    for kind in [MarkerKind::Signal, MarkerKind::Fill, MarkerKind::Blocked] {
        let shape = model.theme.marker_char(kind, Side::Buy);
        assert!(text(&plain).contains(shape), "{shape}");
    }
}

/// Lost if broken: that the bar follows the run while the past stands still.
#[test]
fn a_frame_is_due_when_the_living_run_changes_behind_the_past() {
    let mut model = beside(120, 40);
    let before = model.drawn();
    update(&mut model, Message::View(Arc::new(fixture::view())));
    assert_ne!(before, model.drawn());
    let past = model.past.clone();
    assert!(!model.is_other_past(past.as_ref()) && model.is_other_past(None));
}

#[test]
fn privacy_hides_the_money_of_the_living_run() {
    let mut model = beside(200, 50);
    assert!(bar(&model).contains("+124.50"));
    press(&mut model, "P");
    let shown = bar(&model);
    assert!(!shown.contains("124.50"), "{shown}");
}

#[test]
fn the_past_draws_at_every_size_without_panic() {
    let parted = "the record 7 of input 1,204,881 is not what was recorded".repeat(3);
    let mut hostile = recorded(|_| {});
    hostile.replay = Some(Arc::new(ReplayView {
        session: "s\u{1b}[31m\u{202e}".repeat(9),
        began: UnixNanos(u64::MAX),
        marks: Arc::new(vec![ReplayMark { time: UnixNanos(0), kind: ReplayMarkKind::Gap }]),
        expression: "日本 < ".repeat(40),
        proven: (u64::MAX, 0),
        seq: u64::MAX,
        ..ReplayView::default()
    }));
    let mut models = [
        replayed(1, 1),
        beside(1, 1),
        Model::new(Arc::new(recorded(|r| r.parted = parted)), (1, 1), Theme::default()),
        Model::new(Arc::new(hostile), (1, 1), Theme::default()),
    ];
    for width in 0..60 {
        for height in 0..30 {
            let keys: &[&str] = if (width + 3 * height) % 11 == 0 {
                &["", "\n", "?", "g", "bjjjjjx"]
            } else {
                &[""]
            };
            for model in &mut models {
                model.size = (width, height);
                for keys in keys {
                    press(model, keys);
                    frame(model);
                    press(model, "\u{1b}");
                }
            }
        }
    }
    for model in &mut models {
        for size in [(80, 24), (120, 40), (200, 50), (500, 20)] {
            model.size = size;
            frame(model);
        }
    }
}
