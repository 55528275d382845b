#!/usr/bin/env bash
# The recorded traffic again, served over a real socket to a run of its own.
source "$(dirname "$0")/lib.sh"
exchange=19080

serve() {
    start "$bin" sim --tape full.mcap --speed 20 --port "$exchange" "$@" >/dev/null
    server=$last
    await 20 fetch "$exchange/api/v3/ping" || fail "the exchange does not answer"
}
trade() { ends "$1" 0 "$bin" run --headless --json --for "$2" --venue-url "http://127.0.0.1:$exchange"; }
metric() { fetch "$port/metrics" | awk -v name="$1" 'index($1, name) == 1 { sum += $2 } END { print sum + 0 }'; }
stop() { kill "$server" && wait "$server" || true; }

"$bin" tape import "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst -o full.mcap >/dev/null
serve
start "$bin" run --headless --json --for 30s --venue-url "http://127.0.0.1:$exchange" >run.json
run=$last
sleep 20
fills=$(metric tickscope_fills_total)
messages=$(metric tickscope_feed_messages_total)
errors=$(metric tickscope_feed_decode_errors_total)
code=0
wait "$run" || code=$?
stop
same "exit of the run over the socket" "$code" 0
holds "run over the socket" run.json '.gaps == 0 and .fills > 0 and .frames > 50000 and .reconnects == 0'
same "metrics in the run: $messages messages, $fills fills" "$((messages > 10000 && fills > 0))" 1
same "frames that were not understood" "$errors" 0
logs=$(newest)/logs
same "fills in the log" "$(cat "$logs"/decisions.*.jsonl | jq -c 'select(.event == "fill.received")' | wc -l)" \
    "$(jq .fills run.json)"
ends "replay of the run over the socket" 0 "$bin" replay last --verify
echo "     latency $(jq -c .latency run.json)"

serve --fault drop-depth=300
trade "run with a dropped depth message" 12s
stop
tail -n 1 said >fault.json
holds "a dropped message" fault.json '.gaps == 1'
logs=$(newest)/logs
same "gaps in the log" "$(cat "$logs"/diagnostics.*.jsonl | jq -c 'select(.event == "feed.sequence_gap")' | wc -l)" 1
same "books synced: two at start, one again" \
    "$(cat "$logs"/diagnostics.*.jsonl | jq -c 'select(.event == "feed.resynced")' | wc -l)" 3
