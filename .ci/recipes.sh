#!/usr/bin/env bash
# The queries of dashboards/queries on the logs of a real run: jq, DuckDB and lnav count what
# `tickscope whynot` counts.
source "$(dirname "$0")/lib.sh"
queries=$here/dashboards/queries
python=${PYTHON:-python3}
export HOME=$work/home TERM=xterm LC_ALL=C.UTF-8
mkdir "$HOME"

ends "a run" 0 "$bin" run --headless --json --for 30s --set venue.simulator.speed=4
cp said result.json
logs=$(newest)/logs
decisions=("$logs"/decisions.*.jsonl)

# What stopped whom, and how often.
"$bin" explain --every >every.jsonl
jq -r '[.strategy, .instrument] | @tsv' every.jsonl | sort -u >pairs
while IFS=$'\t' read -r strategy instrument; do
    "$bin" whynot --strategy "$strategy" --instrument "$instrument" --from 2020-01-01T00:00:00Z --json |
        jq -r '.strategy as $s | .instrument as $i | .blockers[] |
            select(.blocker | startswith("refused: ") | not) | [$s, $i, .blocker, .count] | @tsv'
done <pairs | LC_ALL=C sort >whynot
# What risk refused was a decision: refusals.jq counts those.
# The log has a word where whynot has a sentence, and says which rule a comparison is of.
sentences=$'s/\t(enter|exit)[a-z_]*: /\t/
s/\twarmup: (.*)\t/\t\\1 is not ready yet\t/
s/\twarmup\t/\ta value is not ready yet\t/
s/\tno_rule\t/\tno rule was decided\t/
s/\tbar_incomplete\t/\tthe bar is incomplete\t/
s/\tbook_not_trusted\t/\tthe book is not in sync\t/
s/\torder_in_flight\t/\tits last order is still on its way\t/'
counted() {
    sed -E "$sentences" | awk -F'\t' -v OFS='\t' '{ n[$1 OFS $2 OFS $3] += $4 } END { for (k in n) print k, n[k] }' |
        LC_ALL=C sort
}
jq -rsf "$queries/blockers.jq" "${decisions[@]}" | counted >jq
"$python" "$here/.ci/duck.py" "$queries/blockers.sql" "$logs/decisions.*.jsonl" | counted >duckdb
# lnav 0.11.1 itself crashed once in a hundred calls here; what it counts is what is checked.
counted_by_lnav() {
    local try
    for try in 1 2 3; do
        lnav -n -f "$queries/blockers.lnav" "$1" >rows 2>lnav.log && break
        echo "NOTE lnav ended with $? at try $try" >&2
    done
    sed 1d rows | tr , '\t' | counted
}
succeeds "lnav takes the format" lnav -i "$here/dashboards/lnav/tickscope.json"
counted_by_lnav "${decisions[0]}" >lnav
gzip -k "${decisions[0]}"
counted_by_lnav "${decisions[0]}.gz" >lnav.gz
rm "${decisions[0]}.gz"
same "blockers that were counted" "$(($(wc -l <whynot) > 5))" 1
for tool in jq duckdb lnav lnav.gz; do
    if diff whynot $tool >difference; then
        pass "$tool counts the blockers that whynot counts: $(wc -l <$tool), $(awk -F'\t' '{ n += $4 } END { print n }' $tool) times"
    else
        fail "$tool and whynot differ: $(cat difference)"
    fi
done

# Whole, exact, and each id leads on.
for lane in decisions diagnostics; do
    same "lines of $lane that are missing, jq" "$(jq -rsf "$queries/loss.jq" "$logs/$lane".*.jsonl | cut -f 2)" 0
    same "lines of $lane that are missing, DuckDB" "$("$python" "$here/.ci/duck.py" "$queries/loss.sql" "$logs/$lane.*.jsonl" | cut -f 2)" 0
done
"$python" "$here/.ci/duck.py" "$queries/turnover.sql" "$logs/decisions.*.jsonl" >turnover
same "fills in the turnover" "$(awk -F'\t' '{ n += $4 } END { print n }' turnover)" "$(jq .fills result.json)"
same "orders in the latencies" "$("$python" "$here/.ci/duck.py" "$queries/latency.sql" "$logs/decisions.*.jsonl" | awk -F'\t' '{ n += $2 } END { print n }')" \
    "$(jq -s 'map(select(.event == "order.submitted")) | length' "${decisions[@]}")"
id=$(jq -r 'select(.event == "fill.received").decision_id' "${decisions[@]}" | head -n 1)
jq -rf "$queries/chain.jq" --arg id "$id" "${decisions[@]}" >chain
same "the chain of a decision begins and ends" "$(sed -n '1p' chain | cut -f 2) $(tail -n 1 chain | cut -f 2)" \
    "decision.evaluated order.filled"
nearest=$(jq -rsf "$queries/near-misses.jq" "${decisions[@]}" | head -n 1 | cut -f 1)
succeeds "the nearest miss $nearest is explained" "$bin" explain "$nearest"
same "refusals" "$(jq -rf "$queries/refusals.jq" "${decisions[@]}" | wc -l)" "$(jq .refusals result.json)"

# No Loki here: whether it is LogQL is what Grafana's own grammar says.
mkdir logql
cd logql
npm install --silent --no-audit --no-fund --ignore-scripts @grafana/lezer-logql@0.2.9 @lezer/common @lezer/lr >npm.log 2>&1 ||
    fail "npm install: $(tail -c 500 npm.log)"
cat >check.cjs <<'JS'
const { parser } = require('@grafana/lezer-logql');
const text = require('fs').readFileSync(process.argv[2], 'utf8');
parser.parse(text).iterate({ enter: (node) => {
  if (node.type.isError) { console.error(`${process.argv[2]}: not LogQL at ${node.from}: ${text.slice(node.from, node.from + 30)}`); process.exitCode = 1; }
} });
JS
for query in "$queries"/*.logql; do
    succeeds "$(basename "$query") is LogQL" node check.cjs "$query"
done
sed 's/count_over_time(/count_over_time/' "$queries/blockers.logql" >broken.logql
ends "the grammar sees what is no LogQL" 1 node check.cjs broken.logql

# An order as a trace, as a collector reads it.
order=$("$bin" explain --orders | head -n 1 | jq -r '.order.id? // .id')
ends "export otlp" 0 "$bin" export otlp --decision "$order" -o trace.json
spans=$("$python" "$here/.ci/otlp.py" trace.json) || fail "the trace is no OTLP"
same "the trace of an order begins" "${spans%% fill*}" "decision decide risk order acknowledge"
