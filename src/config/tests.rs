use super::*;
fn n(t: &str) -> crate::domain::Num {
    t.parse().unwrap()
}
#[test]
fn x() {
    let kinds: Vec<StrategyKind> = ["ema_cross", "mean_reversion", "breakout"]
        .iter()
        .map(|k| StrategyKind {
            name: (*k).into(),
            params: [
                "fast",
                "slow",
                "rsi_length",
                "rsi_max",
                "reverse",
                "cooldown_s",
                "length",
                "width",
                "rsi_min",
                "atr_length",
                "atr_min",
            ]
            .iter()
            .map(|p| ParamSpec {
                name: (*p).into(),
                default: n("1"),
                min: n("0"),
                max: n("1000"),
                whole: false,
                below: None,
                doc: "d".into(),
            })
            .collect(),
        })
        .collect();
    match load(&Layers::default(), &kinds) {
        Ok(l) => println!("{}", l.effective()),
        Err(e) => println!("{}", e.render(false, 90)),
    }
    let layers = Layers {
        env: vec![
            ("TICKSCOPE_RISK__MAX_SILENCE".into(), "abc".into()),
            ("TICKSCOPE_RISK__MAX_SILENT".into(), "1s".into()),
        ],
        set: vec!["strategy.tren.feed=1".into()],
        ..Layers::default()
    };
    println!("{}", load(&layers, &kinds).unwrap_err().render(false, 90));
    let layers = Layers {
        env: vec![
            ("TICKSCOPE_RISK__MAX_SILENCE".into(), "abc".into()),
            ("TICKSCOPE_RISK__MAX_SILENT".into(), "1s".into()),
        ],
        set: vec!["strategy.trend.feed=1".into()],
        ..Layers::default()
    };
    println!("{}", load(&layers, &kinds).unwrap_err().render(false, 90));
    let f = "[risk]\nmax_ordr_notional = 5\nmax_open_orders = 'x'\n\n[[strategy]]\nname='x'\n[venue]\nkind='binanc'\ninstruments=['BTC', 5]\n";
    std::fs::write("/tmp/x.toml", f).unwrap();
    let layers = Layers { file: Some("/tmp/x.toml".into()), ..Layers::default() };
    println!("{}", load(&layers, &kinds).unwrap_err().render(false, 90));
}
