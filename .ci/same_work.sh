#!/usr/bin/env bash
# A million ticks: the crosses, fills, fees and equity that other engines compute for them.
source "$(dirname "$0")/lib.sh"

"${PYTHON:-python3}" "$tapes/../bench/gen.py" "$work" 1m >/dev/null
ends "same work" 0 "$bin" backtest --ticks ticks_1m.csv --config "$here/config/bench-ema.toml" --json
cp said work.json
cents='def cents: tonumber * 100 | round / 100;'
holds "same work" work.json '.fills == 45600'
same "fees" "$(jq "$cents .fees | cents" work.json)" 14133.47
same "equity" "$(jq "$cents .equity | cents" work.json)" -14133.46
echo "     $(jq -c '{ev_per_s_cpu, run_wall_s, load_cpu_s, peak_rss_mb}' work.json)"

# Memory does not follow the ticks: what a tenth of them needs is nearly all.
head -n 100001 ticks_1m.csv >ticks_100k.csv
ends "a tenth of the work" 0 "$bin" backtest --ticks ticks_100k.csv --config "$here/config/bench-ema.toml" --json
cp said tenth.json
peaks=$(jq -s -c 'map(.peak_rss_mb)' tenth.json work.json)
echo "$peaks" >peaks
holds "resident memory of a tenth and of all, MiB: $peaks" peaks '.[1] <= 1.2 * .[0] + 1'
