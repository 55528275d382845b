# The same work for every engine: crosses, fills, fees and equity to the cent.
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install -q numpy
"$WORK/venv/bin/python" "$SHARED/bench/gen.py" "$WORK/data" 1m
for _ in 1 2 3 4 5; do
  "$TS" backtest --ticks "$WORK/data/ticks_1m.csv" --config config/bench-ema.toml --json > "$WORK/run.json"
  jq -c '{ev_per_s_cpu, run_wall_s, load_cpu_s, peak_rss_mb}' "$WORK/run.json"
  rm -rf "$WORK/state"
done
jq -e '.fills == 45600 and (.fees | startswith("14133.47")) and (.equity | startswith("-14133.458"))' "$WORK/run.json" >/dev/null
