#!/usr/bin/env bash
# Bars made of trades equal the venue's own candles, also across a repaired hole; a bar that cannot
# be repaired is partial, decides nothing and is counted. Ten minutes of market at twenty times.
source "$(dirname "$0")/lib.sh"
exchange=19081

serve() {
    start "$bin" sim --port "$exchange" "$@" >sim.log
    server=$last
    await 20 fetch "$exchange/api/v3/ping" || fail "the exchange does not answer"
}
trade() {
    ends "$1" 0 "$bin" run --headless --json --for "$2" --venue-url "http://127.0.0.1:$exchange" "${@:3}"
    tail -n 1 said >run.json
}
# Its own candles, as it would show them to anybody.
candles() {
    klines=()
    local symbol interval
    for symbol in BTCUSDT ETHUSDT; do
        for interval in 1s 1m; do
            fetch "$exchange/api/v3/klines?symbol=$symbol&interval=$interval&limit=1000" >"$symbol.$interval.json"
            klines+=(--klines "$symbol=$symbol.$interval.json")
        done
    done
}
stop() { kill "$server" && wait "$server" || true; }
logged() { cat "$(newest)"/logs/diagnostics.*.jsonl | jq -c "select(.event == \"$1\")" | wc -l; }
evaluated() { cat "$(newest)"/logs/decisions.*.jsonl | jq -c 'select(.outcome == "bar_incomplete")' | wc -l; }
# agreed SYMBOL KIND: "n of m" of the last verification
agreed() { awk -v symbol="$1" -v kind="$2" '$1 == symbol && index($5, kind) == 1 { print $2, $4 }' said; }

serve --speed 20 --fault drop-trade=400x30 --fault drop-trade=3000
trade "ten minutes with two holes" 32s
candles
stop
holds "no bar is partial, some are repaired" run.json \
    '.partial_bars == 0 and .bar_incomplete == 0 and .repaired_bars > 0'
same "holes in the log" "$(($(logged feed.trade_gap) >= 2))" 1
ends "tape verify --bars" 0 "$bin" tape verify last --bars "${klines[@]}"
for symbol in BTCUSDT ETHUSDT; do
    for kind in bars:1s:600 bars:1m:9; do
        read -r n m < <(agreed "$symbol" "${kind%:*}")
        same "$symbol ${kind%:*} that equal the venue's, of $m" "$n" "$m"
        same "$symbol ${kind%:*}: ten minutes of them" "$((m >= ${kind##*:}))" 1
    done
done
jq -c '.[-100][5] = "0.00000001"' BTCUSDT.1s.json >changed.json
ends "a candle with another volume" 5 "$bin" tape verify last --bars --klines BTCUSDT=changed.json
ends "replay of the run with holes" 0 "$bin" replay last --verify

serve --speed 20 --fault drop-trade=400x30 --fault refuse-history
trade "holes that cannot be repaired" 8s
candles
stop
holds "partial bars decide nothing and are counted" run.json '.partial_bars > 0 and .bar_incomplete > 0'
same "partial bars in the log" "$(logged feed.bar_partial)" "$(jq .partial_bars run.json)"
same "bar_incomplete in the log" "$(($(evaluated) > 0))" 1
ends "the other bars equal the venue's" 0 "$bin" tape verify last --bars "${klines[@]}"
ends "replay with partial bars" 0 "$bin" replay last --verify

serve
trade "EMA(200) on bars of a minute" 5s --set 'strategy.trend.feed="bars:1m"' \
    --set strategy.trend.params.fast=50 --set strategy.trend.params.slow=200
stop
first=$(cat "$(newest)"/logs/*.jsonl | jq -s '
    def at: .ts | sub("\\.\\d+"; "") | fromdate;
    (map(select(.event == "decision.evaluated" and .strategy == "trend" and .outcome != "not_ready")) | map(at) | min)
    - (map(select(.event == "feed.connected")) | map(at) | min)')
same "seconds to its first evaluation: $first, at most 5" "$((first <= 5))" 1
