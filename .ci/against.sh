#!/usr/bin/env bash
# Recorded traffic against the venue's history of it: equal, or the bar and its decisions named.
source "$(dirname "$0")/lib.sh"

zstd -dqc "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst >full.raw
minute=$("${PYTHON:-python3}" "$here/.ci/published.py" full.raw .)
ends "import" 0 "$bin" tape import --format raw full.raw -o full.mcap
ends "backtest on bars of a minute" 0 "$bin" backtest --tape full.mcap --json \
    --set 'strategy.trend.feed="bars:1m"' --set strategy.trend.params.fast=2 --set strategy.trend.params.slow=3
session=$(tail -n 1 said | jq -r .session)

trades=BTCUSDT-trades-2024-08-09.csv
klines=BTCUSDT-1m-2024-08-09.csv
ends "against its own trades and candles" 0 "$bin" diff "$session" --against "$trades" "$klines"
echo "     $(tail -n 1 said)"
names() { # WHAT TEXT: it is said
    if grep -q -- "$2" said; then pass "$1: $(grep -m 1 -- "$2" said)"; else fail "$1: no “$2”: $(cat said)"; fi
}
ends "against one altered trade" 5 "$bin" diff "$session" --against "altered/$trades"
names "one trade is altered" "1 altered"
names "its bar" "BTCUSDT bar 2024-08-09 $minute close .*1 altered) against 61,000.5"
names "the decision on it" "^  ${session##*-}-0-[0-9]* trend: "
ends "against one altered candle" 5 "$bin" diff "$session" --against "altered/$klines"
names "its bar" "BTCUSDT bar 2024-08-09 $minute close "
ends "against one altered candle, JSON" 5 "$bin" diff "$session" --json --against "altered/$klines"
holds "one bar" said '.bars_differ == 1 and (.bars[0].decisions | length) == 1'
ends "a file that lacks a trade" 5 "$bin" diff "$session" --against "lacking/$trades"
names "which" "not published: [0-9]*$"

lost=$(awk 'NR > 20000 && /btcusdt@trade/ { print NR; exit }' full.raw)
ends "tape without trade frame $lost" 0 "$bin" tape cut full.mcap --drop "$lost" -o hole.mcap
ends "its backtest" 0 "$bin" backtest --tape hole.mcap --json
session=$(tail -n 1 said | jq -r .session)
ends "against its trades" 5 "$bin" diff "$session" --against "$trades"
names "the missing trade" "1 missing, 0 altered"
names "its bar" "trades, 1 missing) against "

cp "$trades" SOLUSDT-trades-2024-08-09.csv
ends "another instrument" 2 "$bin" diff "$session" --against SOLUSDT-trades-2024-08-09.csv
names "both instruments" "is of SOLUSDT, and .* received BTCUSDT, ETHUSDT"
awk -F, -v OFS=, '{ $1 = sprintf("%.0f", $1 + 1000000); $5 = sprintf("%.0f", $5 + 86400000); print }' "$trades" >BTCUSDT-trades-2024-08-10.csv
ends "another day" 2 "$bin" diff "$session" --against BTCUSDT-trades-2024-08-10.csv
names "both days" "from 2024-08-0.*received it from 2024-08-0"
