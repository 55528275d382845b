# The recorded tape: import, books against the venue's own quotes, gaps, and the real socket at 20x.
"$TS" tape import --format raw "$TAPES/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst" -o "$WORK/full.mcap"
"$TS" tape info "$WORK/full.mcap"
"$TS" tape verify --book "$WORK/full.mcap" | tee "$WORK/book"
awk '$1 == "BTCUSDT" && $2 >= 6490 { ok++ } $1 == "ETHUSDT" && $2 == 6468 && $4 == 6468 { ok++ } END { exit ok != 2 }' "$WORK/book"
grep -q '^0 gaps, crossed 0 times' "$WORK/book"

"$TS" backtest --tape "$WORK/full.mcap" --config config/demo.toml --json | tee "$WORK/whole.json"
jq -e '.frames == 179318 and .gaps == 0 and .fills > 0' "$WORK/whole.json" >/dev/null
"$TS" backtest --tape "$WORK/full.mcap" --config config/demo.toml --json > "$WORK/again.json"
[ "$(jq -r .output_hash "$WORK/whole.json")" = "$(jq -r .output_hash "$WORK/again.json")" ]

# Without one depth frame: one gap, and no more signals from that instrument.
"$TS" tape cut "$WORK/full.mcap" --drop "$(cat "$(dirname "$0")/../depth_frame")" -o "$WORK/gap.mcap"
"$TS" backtest --tape "$WORK/gap.mcap" --config config/demo.toml --json | tee "$WORK/gap.json"
jq -e '.gaps == 1' "$WORK/gap.json" >/dev/null
[ "$(jq .signals "$WORK/gap.json")" -lt "$(jq .signals "$WORK/whole.json")" ]

serve() {
  "$TS" sim --port 0 "$@" > "$WORK/sim.txt" &
  sim=$!
  for _ in $(seq 100); do
    url=$(sed -n 's/^serving \(http:[^ ]*\).*/\1/p' "$WORK/sim.txt"); [ -n "$url" ] && break; sleep 0.2
  done
}
serve --tape "$WORK/full.mcap" --speed 20
"$TS" run --headless --for 30s --json --venue-url "$url" --set metrics.port=0 > "$WORK/live.json"
kill $sim; wait $sim 2>/dev/null || true
cat "$WORK/live.json"
jq -e '.gaps == 0 and .events > 100000 and .fills > 0' "$WORK/live.json" >/dev/null

serve --fault drop-depth=150
"$TS" run --headless --for 15s --json --venue-url "$url" --set metrics.port=0 > "$WORK/fault.json"
kill $sim; wait $sim 2>/dev/null || true
cat "$WORK/fault.json"
jq -e '.gaps == 1' "$WORK/fault.json" >/dev/null
dir=$(ls -d "$WORK"/state/tickscope/sessions/* | tail -1)
[ "$(cat "$dir"/logs/diagnostics.*.jsonl | jq -r .event | grep -c feed.sequence_gap)" = 1 ]
