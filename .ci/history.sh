#!/usr/bin/env bash
# History in files: the same data as CSV, zip and tape gives the same decisions; mistakes are named
# with their line; a year of minutes is whole.
source "$(dirname "$0")/lib.sh"

python=${PYTHON:-python3}
config=$here/config/history.toml
"$python" "$here/.ci/history_files.py" day .
both=(--config "$config" --set 'venue.instruments=["BTCUSDT","ETHUSDT"]')
decisions='{output_hash, frames, events, evaluations, signals, orders, fills, fees, pnl, equity}'

# run NAME ARGUMENTS...: a backtest of both instruments; what it decided is in NAME
run() {
    local name=$1
    shift
    ends "backtest $*" 0 "$bin" backtest "$@" "${both[@]}" --json
    tail -n 1 said | jq -c "$decisions" >"$name"
}

for kind in trades aggTrades 1m; do
    word=--ticks
    [[ $kind == 1m ]] && word=--bars
    csv=(BTCUSDT-$kind-2025-01-01.csv ETHUSDT-$kind-2025-01-01.csv)
    run files $word "${csv[@]}"
    holds "$kind" said '.fills > 0 and .history.gaps.count == 0 and .history.duplicates == 0'
    ends "import $kind" 0 "$bin" tape import "${csv[@]}" -o "$kind.mcap"
    run tape --tape "$kind.mcap"
    same "decisions of the $kind tape" "$(cat tape)" "$(cat files)"
    run zips $word "${csv[@]/%csv/zip}"
    same "decisions of the $kind zips" "$(cat zips)" "$(cat files)"
    run named $word "headed/${csv[0]}" "headed/${csv[1]}"
    same "decisions of the $kind files with a header" "$(cat named)" "$(cat files)"
done

# refuses CODE TEXT FILE: bars that cannot be
refuses() {
    ends "$3" "$1" "$bin" backtest --bars "$3" --config "$config"
    if grep -q -- "$2" said; then pass "says “$2”"; else fail "does not say “$2”: $(cat said)"; fi
}
minutes=BTCUSDT-1m-2025-01-01.csv
{ head -n 645 "$minutes"; sed -n 646p "$minutes" | cut -d, -f-11; } >BTCUSDT-1m-cut.csv
refuses 1 'BTCUSDT-1m-cut.csv:646: has 11 columns' BTCUSDT-1m-cut.csv
sed '5,$s/000000,/000,/; 5,$s/999999,/999,/' "$minutes" >BTCUSDT-1m-units.csv
refuses 1 'units.csv:5: open_time [0-9]* is in milliseconds' BTCUSDT-1m-units.csv
awk 'NR == 7 { held = $0; next } { print } NR == 8 { print held }' "$minutes" >BTCUSDT-1m-unsorted.csv
refuses 1 'unsorted.csv:8: goes back in time behind BTCUSDT-1m-unsorted.csv:7' BTCUSDT-1m-unsorted.csv
awk -F, -v OFS=, '{ high = $3; $3 = $4; $4 = high; print }' "$minutes" >BTCUSDT-1m-order.csv
refuses 1 "are the columns in Binance's order" BTCUSDT-1m-order.csv
ends "a book for trades" 3 "$bin" backtest --ticks BTCUSDT-trades-2025-01-01.zip --config "$config" \
    --set paper.fills=book

# 525,600 bars of a minute, one strategy: reading and running, of this process alone.
"$python" "$here/.ci/history_files.py" minutes 365 BTCUSDT-1m-2024.csv
ends "a year of minutes" 0 "$bin" backtest --bars BTCUSDT-1m-2024.csv --config "$config" --json
cp said year.json
holds "a year of minutes" year.json '.frames == 525600 and .evaluations == 525600 and .history.gaps.count == 0'
echo "     $(tail -n 1 year.json | jq -c '{load_wall_s, run_wall_s, load_cpu_s, run_cpu_s, peak_rss_mb}')"
