//! What a user would lose: a typo that passes, a number that changes, a value of unknown origin.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::section::{FillModel, Limits, VenueKind};
use super::unit::{ByteSize, Distance, Exact, Ratio, Size, TimeSpan};
use super::*;
use crate::app::build::check_rule;
use crate::domain::Num;

fn num(text: &str) -> Num {
    text.parse().unwrap()
}

fn whole(name: &str, default: &str, max: &str) -> ParamSpec {
    ParamSpec {
        name: name.to_owned(),
        default: num(default),
        min: Num::ZERO,
        max: num(max),
        whole: true,
        below: None,
        doc: format!("the {name}"),
    }
}

/// What the strategies' registry says, as the tests need it.
fn kinds() -> Vec<StrategyKind> {
    let kind = |name: &str, params| StrategyKind { name: name.to_owned(), params, rules: None };
    let fast = ParamSpec { below: Some("slow".to_owned()), ..whole("fast", "12", "1000") };
    let width = ParamSpec { whole: false, ..whole("width", "2", "10") };
    let atr = || whole("atr_length", "14", "1000");
    let length = || whole("length", "20", "1000");
    let rsi = || whole("rsi_length", "14", "1000");
    vec![
        kind(
            "ema_cross",
            vec![
                fast,
                whole("slow", "26", "1000"),
                rsi(),
                whole("rsi_max", "70", "100"),
                whole("reverse", "0", "1"),
                whole("cooldown_s", "0", "86400"),
            ],
        ),
        kind("mean_reversion", vec![length(), width, rsi(), whole("rsi_min", "30", "100")]),
        kind("breakout", vec![length(), atr(), whole("atr_min", "0", "1000000")]),
        StrategyKind { rules: Some(check_rule), ..kind("rules", vec![]) },
    ]
}

fn file(path: impl Into<PathBuf>) -> Layers {
    Layers { file: Some(path.into()), ..Layers::default() }
}

fn load_text(text: &str) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    load(&file(path), &kinds())
}

fn demo_with(env: &[(&str, &str)], set: &[&str]) -> Result<Loaded, ConfigError> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    load(&Layers { env, set, ..Layers::default() }, &kinds())
}

/// The TOML files of a folder in the package, by name.
fn toml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// A mistake must be shown where it is, with what was probably meant.
#[test]
fn invalid_files_are_explained() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/config");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for path in toml_files("tests/payloads/config/invalid") {
            let error = load(&file(&path), &kinds()).expect_err(&path.display().to_string());
            let name = path.file_stem().unwrap().to_str().unwrap();
            insta::assert_snapshot!(name, error.render(false, 100));
        }
    });
}

/// What a user copies must load, and what is stored in a manifest must read back as the same.
#[test]
fn valid_files_load_and_read_back_as_the_same() {
    let shipped = toml_files("config");
    for path in shipped.into_iter().chain(toml_files("tests/payloads/config/valid")) {
        let loaded = load(&file(&path), &kinds())
            .unwrap_or_else(|error| panic!("{}", error.render(false, 100)));
        for text in [loaded.canonical(), loaded.effective()] {
            let again = load_text(text).unwrap();
            assert_eq!(again.config, loaded.config, "{}", path.display());
            assert_eq!(again.hash, loaded.hash);
        }
    }
}

/// The demo is the manual of the configuration: a key that it does not name stays unknown.
#[test]
fn the_demo_names_and_explains_every_key() {
    let loaded = demo_with(&[], &[]).unwrap();
    let unnamed: Vec<_> = loaded.origins.iter().filter(|(_, o)| **o == Origin::Default).collect();
    assert_eq!(unnamed, []);
    let mut explained = BTreeSet::new();
    for line in DEMO.lines().filter(|line| !line.starts_with('#')) {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        if line.contains(" # ") {
            explained.insert(key.to_owned());
        }
        assert!(explained.contains(key), "the demo does not explain: {line}");
    }
}

/// The benchmark compares engines only while it does the same work.
#[test]
fn the_benchmark_is_the_same_work_case() {
    let loaded = load(&file("config/bench-ema.toml"), &kinds()).unwrap();
    let Config { account, paper, strategies, .. } = &loaded.config;
    assert_eq!(account.taker_fee, Ratio(num("0.0005")));
    assert!(account.balances.is_empty());
    assert_eq!(paper.fills, FillModel::LastTrade);
    assert_eq!(
        [paper.latency_entry, paper.latency_response, paper.latency_jitter].map(|l| l.0),
        [0, 0, 0]
    );
    let [ema] = strategies.as_slice() else { panic!("one strategy") };
    assert_eq!(ema.size, Size::Quantity(num("0.01")));
    let wanted = [("fast", "10"), ("slow", "20"), ("reverse", "1"), ("rsi_length", "14")];
    for (name, value) in wanted {
        assert_eq!(ema.params.get(name), Some(&Exact(num(value))), "{name}");
    }
}

/// Somebody must be able to tell which of six places set a limit.
#[test]
fn a_higher_layer_replaces_only_what_it_names_and_every_value_knows_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let user = write("user.toml", "[ui]\nfps = 10\n[risk]\nmax_daily_loss = 1\nhalt_at = 3\n");
    let local = write("local.toml", "[risk]\nmax_daily_loss = 2\nmax_open_orders = 2\n");
    let given = write(
        "given.toml",
        "[venue]\ninstruments = ['BTCUSDT']\n[risk]\nmax_daily_loss = 3\nmax_drawdown = '3%'\n",
    );
    let layers = Layers {
        user: Some(user.clone()),
        folder: Some(local.clone()),
        file: Some(given.clone()),
        text: None,
        env: vec![
            ("TICKSCOPE_RISK__MAX_DRAWDOWN".to_owned(), "0.04".to_owned()),
            ("TICKSCOPE_RISK__INSTRUMENTS__BTCUSDT__MAX_ORDER_QUANTITY".to_owned(), "4".to_owned()),
            ("TICKSCOPE_CONFIG".to_owned(), "not a key".to_owned()),
        ],
        set: vec![
            "account.name=five".to_owned(),
            "venue.streams=[\"trade\"]".to_owned(),
            "paper.fills=last_trade".to_owned(),
        ],
    };
    let Loaded { config, origins, effective, .. } = load(&layers, &kinds()).unwrap();
    assert_eq!((config.ui.fps, config.risk.max_open_orders), (10, 2));
    assert_eq!(config.risk.max_daily_loss.0, num("3"));
    assert_eq!(config.risk.max_drawdown.0, num("0.04"));
    assert_eq!(config.account.name, "five");
    let own = Limits { max_order_quantity: num("4"), ..config.risk.limits("ETHUSDT") };
    assert_eq!(config.risk.limits("BTCUSDT"), own);
    for (key, origin) in [
        ("ui.fps", Origin::File { path: user, line: 2 }),
        ("risk.max_open_orders", Origin::File { path: local, line: 3 }),
        ("risk.max_daily_loss", Origin::File { path: given, line: 4 }),
        ("risk.max_drawdown", Origin::Env { name: "TICKSCOPE_RISK__MAX_DRAWDOWN".to_owned() }),
        ("account.name", Origin::Flag),
        ("account.kind", Origin::Default),
    ] {
        assert_eq!(origins.get(key), Some(&origin), "{key}");
    }
    assert!(effective.contains("max_drawdown = \"0.04\"  # env TICKSCOPE_RISK__MAX_DRAWDOWN"));
}

/// Screen settings of one's own must not take the demo away; a venue of one's own must.
#[test]
fn the_demo_runs_until_a_file_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tickscope.toml");
    let layers = Layers { folder: Some(path.clone()), ..Layers::default() };
    assert_eq!(load(&layers, &kinds()).unwrap().config.run.name, "demo");
    fs::write(&path, "[ui]\nmouse = false\n").unwrap();
    let config = load(&layers, &kinds()).unwrap().config;
    assert_eq!((config.run.name.as_str(), config.ui.mouse), ("demo", false));
    fs::write(&path, "[venue]\ninstruments = ['SOLUSDT']\n").unwrap();
    assert_eq!(load(&layers, &kinds()).unwrap().config.strategies, []);
}

/// `--set` and the environment reach into lists of tables and take text without quotes.
#[test]
fn one_strategy_can_be_changed_from_outside_by_name_or_number() {
    let loaded = demo_with(
        &[
            ("TICKSCOPE_STRATEGY__TREND__PARAMS__FAST", "5"),
            ("TICKSCOPE_VENUE__INSTRUMENTS", "BTCUSDT, ETHUSDT,SOLUSDT"),
        ],
        &["strategy.1.size=0.02", "account.balances.USDT=77.7", "risk.kill_switch=true"],
    )
    .unwrap();
    let Config { strategies, venue, account, risk, .. } = &loaded.config;
    assert_eq!(strategies[0].params["fast"].0, num("5"));
    assert_eq!(strategies[1].size, Size::Quantity(num("0.02")));
    assert_eq!(venue.instruments, ["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
    assert_eq!(account.balances["USDT"].0, num("77.7"));
    assert!(risk.kill_switch);
}

/// A mistake on the command line or in the environment is shown like one in a file.
#[test]
fn mistakes_outside_files_are_underlined_too() {
    let env = [("TICKSCOPE_RISK__MAX_SILENCE", "soon"), ("TICKSCOPE_RSIK__HALT_AT", "2")];
    let error = demo_with(&env, &["risk.max_opn_orders=3", "ui.fps=90"]).unwrap_err();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/config");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("outside_files", error.render(false, 100)));
    for set in ["strategy.tren.size=1", "novalue", "risk.halt_at.x=1", "strategy.9.size=1"] {
        assert_eq!(demo_with(&[], &[set]).unwrap_err().problems().len(), 1, "{set}");
    }
}

/// A log line has no room for an excerpt, but must name the place.
#[test]
fn the_short_form_has_file_line_and_column() {
    let error = load(&file("tests/payloads/config/invalid/typo_in_a_key.toml"), &kinds());
    let text = error.unwrap_err().to_string();
    let place = "tests/payloads/config/invalid/typo_in_a_key.toml:5:1: ";
    assert_eq!(text, format!("{place}unknown key `risk.max_positon_notional`"));
}

/// A file that was asked for and is not there is an error, not the demo.
#[test]
fn the_file_that_was_asked_for_must_be_there() {
    let error = load(&file("no/such/file.toml"), &kinds()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration no/such/file.toml: "), "{error}");
    let folder = load(&file(Path::new("config")), &kinds());
    assert!(folder.is_err());
}

/// A configuration from a stranger must not command the terminal that shows its mistakes.
#[test]
fn control_characters_do_not_reach_the_terminal() {
    let error = load_text("[run]\nname = 'a\u{1b}[2J'\n").unwrap_err();
    assert!(!error.render(false, 80).contains('\u{1b}'));
    let error = demo_with(&[("TICKSCOPE_RUN__NAME", "a\u{9b}2J")], &[]).unwrap_err();
    let report = error.render(false, 80);
    assert!(!report.contains('\u{9b}'), "{report}");
}

/// Two runs with the same settings must be recognised as such however they were written.
#[test]
fn the_hash_is_of_settings_and_not_of_their_spelling_or_origin() {
    let hash = |text: &str| load_text(text).unwrap().hash;
    let plain = hash("[venue]\ninstruments=['BTCUSDT']\n");
    let spelled = "[venue]\ninstruments = [\"BTCUSDT\"]\nsilence_deadline = \"1m\"\n[risk]\nprice_collar = 0.0100\n";
    assert_eq!(plain, hash(spelled));
    assert_ne!(plain, hash("[venue]\ninstruments=['BTCUSDT']\n[risk]\nprice_collar='2%'\n"));
}

#[test]
fn units_are_read_and_shown_in_one_form() {
    let span = |text: &str| text.parse::<TimeSpan>().map(|span| (span.0, span.to_string()));
    assert_eq!(span("90s"), Ok((90_000_000_000, "90s".to_owned())));
    assert_eq!(span("60 s"), Ok((60_000_000_000, "1m".to_owned())));
    assert_eq!(span("1500us"), Ok((1_500_000, "1500us".to_owned())));
    assert_eq!(span("0ms"), Ok((0, "0s".to_owned())));
    assert_eq!("2GiB".parse(), Ok(ByteSize(2 << 30)));
    assert_eq!("0.5%".parse(), Ok(Ratio(num("0.005"))));
    for text in ["", "s", "1.5s", "-1s", "1 week", "99999999999999999d", "1S", "٣s"] {
        assert!(span(text).is_err(), "{text:?} passed");
    }
    for text in ["2%", "equity", "% equity", "1 usdt", "1  USDT", "a USDT", "1 USDT x"] {
        assert!(text.parse::<Size>().is_err(), "{text:?} passed");
    }
}

/// The user's own file is where the XDG rules put it.
#[test]
fn a_share_has_the_same_bytes_however_it_is_written() {
    // A replay reads "0.05" from the tape where the run read "5%" from a file: its records are
    // compared byte for byte.
    let bytes = |text: &str| postcard::to_stdvec(&text.parse::<Ratio>().unwrap().0).unwrap();
    assert_eq!(bytes("5%"), bytes("0.05"));
    assert_eq!(bytes("0.1%"), bytes("0.001"));
    assert_eq!(bytes("100%"), bytes("1"));
}

#[test]
fn the_user_file_follows_xdg() {
    let user = |env: &[(&str, &str)]| {
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        Layers::of_process(None, vec![], env).user
    };
    let xdg = user(&[("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "/etc/ada")]);
    assert_eq!(xdg, Some(PathBuf::from("/etc/ada/tickscope/config.toml")));
    let home = user(&[("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "relative")]);
    assert_eq!(home, Some(PathBuf::from("/home/ada/.config/tickscope/config.toml")));
    assert_eq!(user(&[]), None);
}

/// `--venue-url` alone moves the demo from the market inside to one behind a socket.
#[test]
fn a_venue_url_points_streams_and_requests_at_one_host() {
    let layers = Layers::default().with_venue_url("http://127.0.0.1:9080/");
    let venue = load(&layers, &kinds()).unwrap().config.venue;
    assert_eq!(venue.kind, VenueKind::Binance);
    assert_eq!(venue.rest_url, "http://127.0.0.1:9080");
    assert_eq!(venue.ws_url, "ws://127.0.0.1:9080");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A limit of 0.1 that becomes 0.1000000000000000055 is another limit.
    #[test]
    fn numbers_are_exact_quoted_or_not(text in "-?(0|[1-9][0-9]{0,15})\\.[0-9]{1,10}") {
        let toml = format!("[venue]\ninstruments = ['BTCUSDT']\n[account]\nkind = 'margin'\nbalances = {{ A = {text}, B = '{text}' }}\n");
        let balances = load_text(&toml).unwrap().config.account.balances;
        prop_assert_eq!(balances["A"].0, num(&text));
        prop_assert_eq!(balances["B"].0, num(&text));
    }

    /// No text, however broken, ends the program.
    #[test]
    fn broken_text_is_an_error_and_never_a_panic(cut in 0..DEMO.len(), noise in "\\PC{0,8}") {
        let cut = (0..=cut).rev().find(|at| DEMO.is_char_boundary(*at)).unwrap_or(0);
        let text = format!("{}{noise}{}", &DEMO[..cut], &DEMO[cut..]);
        if let Err(error) = load_text(&text) {
            prop_assert!(!error.render(false, 80).is_empty());
        }
    }
}

/// A replay reads what the run wrote down: the same number with other digits is another record.
#[test]
fn numbers_have_the_digits_that_a_replay_reads() {
    let digits = |loaded: &Loaded| postcard::to_stdvec(&loaded.config.risk.price_collar.0).unwrap();
    let run = demo_with(&[], &["risk.price_collar=\"1.0%\""]).unwrap();
    let text = Layers { text: Some(run.canonical().to_owned()), ..Layers::default() };
    assert_eq!(digits(&load(&text, &kinds()).unwrap()), digits(&run));
}

/// Whoever saves a file must be told exactly what of it is not in force.
#[test]
fn changed_keys_are_named() {
    let base = "[venue]\ninstruments = ['BTCUSDT']\n[[strategy]]\nname = 'a'\nkind = 'rules'\nfeed = 'trades'\nsize = '1'\n";
    let text = |enter: &str, more: &str| {
        load_text(&format!("{base}enter = {enter}\nexit = 'price < 1'\n{more}")).unwrap()
    };
    let first = text("'price > 1'", "");
    assert_eq!(first.changed_keys(&text("\"price > 1\"", "")), Vec::<String>::new());
    let other = text("'''\nprice > 2\nand price > 3'''", "[risk]\nhalt_at = 9\n");
    assert_eq!(first.changed_keys(&other), ["risk.halt_at", "strategy[0].enter"]);
}

/// A paper account without money refuses every order; one that is asked to be empty is empty.
#[test]
fn a_paper_account_has_money_unless_it_says_otherwise() {
    let balances = |account: &str| {
        let text = format!("[venue]\ninstruments = ['BTCUSDT']\n[account]\n{account}\n");
        let loaded = load_text(&text).unwrap();
        assert_eq!(load_text(loaded.canonical()).unwrap().config, loaded.config);
        loaded.config.account.balances
    };
    assert_eq!(balances("")["USDT"].0, num("10000"));
    assert_eq!(balances("reporting_asset = 'EUR'")["EUR"].0, num("10000"));
    assert_eq!(balances("balances = {}"), BTreeMap::new());
    assert_eq!(balances("balances = { BTC = 1 }").len(), 1);
}

/// A distance that reads back as another one is another stop.
#[test]
fn sizes_and_distances_are_read_exactly_and_shown_in_one_form() {
    for (text, shown) in [
        ("risk 0.5% per trade to the stop", "risk 0.5% per trade to the stop"),
        ("risk 1%", "risk 1% per trade to the stop"),
        ("2% equity", "2% equity"),
        ("100 USDT", "100 USDT"),
    ] {
        assert_eq!(text.parse::<Size>().unwrap().to_string(), shown);
    }
    for (text, shown) in [("1%", "1%"), ("1.50 atr", "1.5 atr"), ("25 USDT", "25 USDT")] {
        assert_eq!(text.parse::<Distance>().unwrap().to_string(), shown);
    }
    for text in ["risk", "risk 0.5", "risk 0.5% of it", "risk 100 USDT", "risk %"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    for text in ["1", "0.01", "1.5atr", "x atr", "25 usdt", "%", ""] {
        assert!(text.parse::<Distance>().is_err(), "{text}");
    }
}

/// Lost if broken: the change that `whynot` advises, and the short way to a parameter.
#[test]
fn a_parameter_is_set_by_its_strategy_and_name() {
    let loaded = demo_with(&[], &["strategies.trend.fast=5", "strategies.trend.size=100 USDT"]);
    let loaded = loaded.unwrap();
    let trend = &loaded.config.strategies[0];
    assert_eq!(trend.params["fast"].0, num("5"));
    assert_eq!(trend.size.to_string(), "100 USDT");
    let error = demo_with(&[], &["strategies.trend.fsat=5"]).unwrap_err().render(false, 100);
    assert!(error.contains("fast") && error.contains("fsat"), "{error}");
    let error = demo_with(&[], &["strategies.tread.fast=5"]).unwrap_err().render(false, 100);
    assert!(error.contains("nothing here is named `tread`") && error.contains("trend"), "{error}");
}

/// Lost if broken: a rule that closes positions, written as text, that cannot be changed by its key.
#[test]
fn an_exit_that_is_a_rule_can_be_set_as_one_of_a_table() {
    let text = "[venue]\ninstruments = [\"BTCUSDT\"]\n\n[[strategy]]\nname = \"dip\"\n\
                kind = \"rules\"\nfeed = \"bars:1m\"\nsize = \"100 USDT\"\n\
                enter = \"rsi(14) < 30\"\nexit = \"rsi(14) > 70\"\n";
    let with = |set: &str| {
        let set = vec![set.to_owned()];
        let layers = Layers { text: Some(text.to_owned()), set, ..Layers::default() };
        load(&layers, &kinds()).unwrap().config.strategies[0].clone()
    };
    let dip = with("strategies.dip.exit.when=\"rsi(14) > 60.5\"");
    assert_eq!(dip.exit.when.as_deref(), Some("rsi(14) > 60.5"));
    let dip = with("strategies.dip.exit.stop=1%");
    assert_eq!(dip.exit.when.as_deref(), Some("rsi(14) > 70"));
    assert!(dip.exit.stop.is_some());
    assert_eq!(
        with("strategies.dip.enter=\"rsi(14) < 20\"").enter.as_deref(),
        Some("rsi(14) < 20")
    );
}
