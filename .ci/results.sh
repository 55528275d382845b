#!/usr/bin/env bash
# What a trader reads of a backtest, against an independent library on the same fills; queue models
# as a bracket; and that no decision knows what came later.
source "$(dirname "$0")/lib.sh"
config=$here/config/bench-ema.toml

# again NAME GAP PERIOD: over ticks GAP seconds apart, with returns of PERIOD seconds
again() {
    "$PYTHON" "$here/.ci/results.py" ticks "$1.csv" "$2"
    ends "backtest of $1" 0 "$bin" backtest --ticks "$1.csv" --config "$config" --json \
        --set 'account.balances={ USDT = 10000 }' --set strategy.ema.params.fast=50 \
        --set strategy.ema.params.slow=200 --trades "$1.trades.csv" --equity "$1.equity.csv"
    cp said "$1.json"
    holds "$1" "$1.json" ".report.period_s == $3 and .report.total.trades > 100 and .report.uncounted == 0"
    "$PYTHON" "$here/.ci/results.py" check "$1.csv" "$1.trades.csv" "$1.equity.csv" "$1.json" || failed=1
}
again hours 0.1 60
again days 3 3600
ends "trades of another run are not overwritten" 7 \
    "$bin" backtest --ticks hours.csv --config "$config" --trades hours.trades.csv
ends "bracket of market orders" 0 "$bin" backtest --ticks hours.csv --config "$config" --bracket --json
holds "nothing rested" said '.report.bracket.optimistic == null and .report.rested == 0'

ends "a demo session" 0 "$bin" run --headless --for 10s --set venue.simulator.speed=5
ends "lookahead, the demo" 0 "$bin" lookahead --tape last
echo "     $(cat said)"
same "cuts that are equal" "$(cut -d: -f1 said)" "equal at 20 of 20 cuts"
zstd -dqc "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst >full.raw
ends "import" 0 "$bin" tape import --format raw full.raw -o full.mcap
ends "lookahead, recorded traffic" 0 "$bin" lookahead --tape full.mcap
echo "     $(cat said)"
