# A headless demo run: it trades, its metrics answer and are clean, its logs are whole, and it
# reproduces.
port() { sed -n 's/^metrics = "127.0.0.1:\(.*\)"/\1/p' "$1"/runtime.toml; }
"$TS" run --headless --for 25s --json --set metrics.port=0 > "$WORK/result.json" &
pid=$!
for _ in $(seq 100); do
  dir=$(ls -d "$WORK"/state/tickscope/sessions/* 2>/dev/null | tail -1 || true)
  [ -n "$dir" ] && [ -e "$dir/runtime.toml" ] && [ -n "$(port "$dir")" ] && break
  sleep 0.2
done
metrics=127.0.0.1:$(port "$dir")
for _ in $(seq 100); do curl -sf "$metrics/readyz" >/dev/null && break; sleep 0.2; done
curl -sf "$metrics/healthz" >/dev/null
curl -sf "$metrics/readyz" >/dev/null
curl -sf "$metrics/metrics" | promtool check metrics

# A real Prometheus with the configuration that is shipped, on this run's port.
sed "s/127.0.0.1:9746/$metrics/" dashboards/prometheus/prometheus.yml > "$WORK/prometheus.yml"
promtool check config "$WORK/prometheus.yml" >/dev/null
prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" \
  --web.listen-address=127.0.0.1:19090 --log.level=error &
prometheus=$!
trap 'kill $prometheus 2>/dev/null || true' EXIT
for _ in $(seq 60); do
  up=$(curl -sf '127.0.0.1:19090/api/v1/query?query=up' | jq -r '.data.result[0].value[1] // empty' || true)
  [ "$up" = 1 ] && break
  sleep 0.5
done
[ "$up" = 1 ]
sleep 3
series=$(curl -sf '127.0.0.1:19090/api/v1/query?query=tickscope_feed_messages_total' | jq '.data.result | length')
[ "$series" -gt 0 ]
kill $prometheus
wait $pid
cat "$WORK/result.json"
jq -e '.evaluations > 0 and .orders > 0 and .fills > 0 and .gaps == 0' "$WORK/result.json" >/dev/null

for lane in decisions diagnostics; do
  cat "$dir"/logs/$lane.*.jsonl | jq -s -e '(map(.seq) | max - min + 1) == length' >/dev/null
  echo "$lane: $(cat "$dir"/logs/$lane.*.jsonl | wc -l) lines, none missing"
done
[ ! -e "$dir/runtime.toml" ]
grep -q '^\[ending\]' "$dir/manifest.toml"

"$TS" replay last --verify | tee "$WORK/verify" && grep -q ': equal,' "$WORK/verify"
"$TS" replay last --verify | grep -q ': equal,'
