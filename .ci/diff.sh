#!/usr/bin/env bash
# A live run against the backtest of its own tape: equal; with one trade less, or with another
# parameter: the first difference by name.
source "$(dirname "$0")/lib.sh"
exchange=19080

names() { # WHAT TEXT: it is said
    if grep -q -- "$2" said; then pass "$1: $(grep -m 1 -- "$2" said)"; else fail "$1: no “$2”: $(head -c 2000 said)"; fi
}

"$bin" tape import "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst -o full.mcap >/dev/null
start "$bin" sim --tape full.mcap --speed 20 --port "$exchange" >/dev/null
await 20 fetch "$exchange/api/v3/ping" || fail "the exchange does not answer"
ends "recorded traffic, live" 0 "$bin" run --headless --json --for 30s --venue-url "http://127.0.0.1:$exchange"
live=$(tail -n 1 said | jq -r .session)
kill "$last" && wait "$last" || true

ends "its backtest" 0 "$bin" backtest --tape "$live" --json
backtest=$(tail -n 1 said | jq -r .session)
ends "live against its backtest" 0 "$bin" diff "$live" "$backtest"
names "every record" "^equal: $live and $backtest"
ends "live against its backtest, JSON" 0 "$bin" diff "$live" "$backtest" --json
holds "proven by the marks of both tapes" said \
    '.equal and .compared > 1000 and .a.marks > 50 and .b.marks > 50 and .inputs.only_a == 0 and .inputs.only_b == 0'

trade=$("${PYTHON:-python3}" "$here/.ci/trade_frame.py" "$XDG_STATE_HOME/tickscope/sessions/$live")
ends "its tape without trade frame $trade" 0 "$bin" tape cut "$live" --drop "$trade" -o cut.mcap
ends "the backtest of that" 0 "$bin" backtest --tape cut.mcap --json
cut=$(tail -n 1 said | jq -r .session)
ends "live against that" 5 "$bin" diff "$live" "$cut" --json
holds "the input is named" said ".inputs.only_a == 1 and .inputs.first[0].input == $trade and .inputs.first[0].trade.id > 0"
holds "as the cause" said '.first.cause | test("is only in A: trade [0-9]+ of [A-Z]+USDT")'
echo "     $(tail -n 1 said | jq -r '.first.sentence, .first.cause' | paste -sd';')"

strategy=trend
fast=$("$bin" check --print | sed -n 's/^fast = "\([0-9]*\)".*/\1/p' | head -n 1)
ends "another parameter, fast = $((fast + 1))" 5 "$bin" diff "$live" --set "strategies.$strategy.fast=$((fast + 1))"
names "the first rule and both values" "^first rule: .*: ema_fast [0-9,.]* against [0-9,.]* "
names "the setting" "strategy.$strategy.params.fast $fast against $((fast + 1))"
