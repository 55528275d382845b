//! The command line's own words, as they are printed.

use super::home::Home;

/// Lost if broken: what a user reads first.
#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!("help", Home::new().succeed(&["--help"]).stdout);
}

/// Lost if broken: what a user reads second.
#[test]
fn help_of_run_says_what_it_takes() {
    insta::assert_snapshot!("help_run", Home::new().succeed(&["run", "--help"]).stdout);
}

/// Lost if broken: the demo, for whoever changes its configuration.
#[test]
fn the_configurations_in_the_repository_are_valid() {
    let home = Home::new();
    for name in ["demo", "binance-paper", "bench-ema", "history"] {
        let path = format!("{}/config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let said = home.succeed(&["check", "--config", &path]).stdout;
        assert!(said.starts_with("valid: "), "{name}: {said}");
    }
    let printed = home.succeed(&["check", "--print"]).stdout;
    printed.parse::<toml::Table>().expect("the printed configuration is TOML");
}
