#!/usr/bin/env bash
# Recorded real traffic: the rebuilt books agree with the venue's own quotes; a lost frame is a gap.
source "$(dirname "$0")/lib.sh"

zstd -dqc "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst >full.raw
ends "import" 0 "$bin" tape import --format raw full.raw -o full.mcap
echo "     $(cat said)"
ends "tape verify --book" 0 "$bin" tape verify --book full.mcap
agreed() { awk -v symbol="$1" '$1 == symbol { print $2, $4 }' said; }
read -r btc btc_of < <(agreed BTCUSDT)
read -r eth eth_of < <(agreed ETHUSDT)
same "BTCUSDT misses $((btc_of - btc)), at most 2 of 6,492 or so" \
    "$((btc >= 6490 && btc_of - btc <= 2))" 1
same "ETHUSDT books that agree" "$eth of $eth_of" "6468 of 6468"
same "gaps and crossed books" "$(tail -n 1 said)" "0 gaps, crossed 0 times"

ends "backtest" 0 "$bin" backtest --tape full.mcap --json
cp said whole.json
holds "backtest" whole.json '.frames == 179318 and .gaps == 0 and .fills > 0'
hash=$(jq -r .output_hash whole.json)
ends "backtest again" 0 "$bin" backtest --tape full.mcap --json
same "output hash of both" "$(tail -n 1 said | jq -r .output_hash)" "$hash"
echo "     $(jq -c '{ev_per_s_cpu, ev_per_s_wall, peak_rss_mb}' whole.json)"

# Entries of an imported tape are numbered as its lines are.
lost=$(awk 'NR > 20000 && /btcusdt@depth/ { print NR; exit }' full.raw)
ends "tape without depth frame $lost" 0 "$bin" tape cut full.mcap --drop "$lost" -o gap.mcap
ends "backtest of the tape with a hole" 0 "$bin" backtest --tape gap.mcap --json
cp said gap.json
holds "a lost frame" gap.json '.frames == 179317 and .gaps == 1'
# What is said of each instrument, by the numbers of its own signals.
btc='(.instruments[] | select(.symbol == "BTCUSDT"))'
eth='(.instruments[] | select(.symbol == "ETHUSDT"))'
holds "whole tape: BTCUSDT goes on after frame $lost" whole.json "$btc | .trusted and .last_signal_input > $lost"
holds "BTCUSDT is not trusted to the end" gap.json "$btc | .trusted == false and .since_input > $lost and .gaps == 1"
holds "BTCUSDT gives no signal after it" gap.json "$btc | .signals > 0 and .last_signal_input < .since_input"
holds "BTCUSDT sends no order that no signal wanted" gap.json "$btc | .orders <= .signals"
holds "ETHUSDT trades on" gap.json "$eth | .trusted and .last_signal_input > 100000 and .fills > 10"
ends "replay of that backtest" 0 "$bin" replay "$(jq -r .session gap.json)" --verify
echo "     $(cat said)"
