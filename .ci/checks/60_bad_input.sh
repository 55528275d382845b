# Bad input gets a sentence and the documented exit code.
expect() { # code, pattern, command...
  local code=0 wanted=$1 pattern=$2; shift 2
  "$@" > "$WORK/out" 2>&1 < /dev/null || code=$?
  if [ $code != "$wanted" ] || ! grep -qE "$pattern" "$WORK/out"; then
    echo "wanted exit $wanted and /$pattern/, got exit $code:"; cat "$WORK/out"; return 1
  fi
}
expect 2 'use --headless' "$TS" run
printf '[risk]\nmax_daily_los = 5\n' > "$WORK/typo.toml"
expect 3 'max_daily_loss' "$TS" run --headless --config "$WORK/typo.toml"
expect 3 'typo.toml:2' "$TS" check --config "$WORK/typo.toml"
expect 1 'no tape or session' "$TS" replay nosuch --verify
touch "$WORK/file"
expect 7 'cannot' env XDG_STATE_HOME="$WORK/file" "$TS" run --headless --for 2s --set metrics.port=0
python3 -c 'import socket,time; s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen(); print(s.getsockname()[1],flush=True); time.sleep(30)' > "$WORK/port" &
holder=$!
for _ in $(seq 50); do [ -s "$WORK/port" ] && break; sleep 0.1; done
expect 4 'in use' "$TS" run --headless --for 2s --set metrics.port="$(cat "$WORK/port")"
kill $holder
for file in config/demo.toml config/binance-paper.toml config/bench-ema.toml; do
  expect 0 'valid' "$TS" check --config $file
done
