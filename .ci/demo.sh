#!/usr/bin/env bash
# A headless demo run: it trades, its metrics are clean and scraped, its logs are whole.
source "$(dirname "$0")/lib.sh"

start "$bin" run --headless --for 45s --json >result.json
run=$last
if await 10 fetch "$port/readyz"; then pass "ready"; else fail "not ready within 10 s"; fi
succeeds "alive" fetch "$port/healthz"

cp -r "$here/dashboards/prometheus" rules
sed "s/9746/$port/" "$here/dashboards/prometheus/prometheus.yml" >rules/prometheus.yml
succeeds "promtool check config" promtool check config rules/prometheus.yml
start prometheus --config.file=rules/prometheus.yml --storage.tsdb.path="$work/tsdb" \
    --web.listen-address=127.0.0.1:19090 --log.level=error

value() {
    fetch "19090/api/v1/query?query=$1" | jq -e '.data.result | map(.value[1] | tonumber) | add > 0'
}
for series in up tickscope_feed_messages_total tickscope_strategy_evaluations_total \
    tickscope_book_synced tickscope_equity; do
    if await 12 value "$series"; then
        pass "prometheus has $series"
    else
        fail "prometheus has no $series above 0"
    fi
done
fetch "$port/metrics" >metrics.txt
succeeds "promtool check metrics" promtool check metrics <metrics.txt

code=0
wait "$run" || code=$?
same "exit of the demo" "$code" 0
holds "demo result" result.json '.fills > 0 and .evaluations > 0 and .refusals > 0 and .gaps == 1'
echo "     latency $(jq -c .latency result.json), $(jq .rss_mb result.json) MiB"

session=$(newest)
same "runtime.toml gone" "$(ls "$session" | grep -c runtime.toml || true)" 0
same "how it ended is in the manifest" "$(grep -c '^\[ending\]' "$session/manifest.toml")" 1
logs=$session/logs
for lane in decisions diagnostics; do
    lines=$(cat "$logs/$lane".*.jsonl | wc -l)
    same "$lane lines that jq reads" "$(cat "$logs/$lane".*.jsonl | jq -c . | wc -l)" "$lines"
    same "$lane lines missing" "$(jq -s 'map(.seq) | max - min + 1 - length' "$logs/$lane".*.jsonl)" 0
done

# Every exit that was reached is a decision with both numbers, and at least one became an order.
cat "$logs"/decisions.*.jsonl | jq -cs '
    (map(select(.event == "exit.triggered").decision_id)) as $exits
    | map(select(.decision_id as $id | $exits | index($id)))
    | {exits: ($exits | length),
       explained: map(select(.event == "decision.evaluated" and
           any(.rules[]; (.rule | startswith("exit_")) and .result == "true"))) | length,
       orders: map(select(.event == "order.submitted" and .reduce_only)) | length}' >exits.json
holds "exits" exits.json '.exits > 0 and .explained == .exits and .orders > 0'
