#!/usr/bin/env bash
# Mistakes get a sentence and the documented exit code.
source "$(dirname "$0")/lib.sh"

# refuses CODE TEXT COMMAND...
refuses() {
    local code=$1 text=$2
    shift 2
    ends "${*:2}" "$code" "$@" </dev/null
    if grep -q -- "$text" said; then pass "says “$text”"; else fail "does not say “$text”: $(cat said)"; fi
}

refuses 2 'use --headless' "$bin" run
printf '[risk]\nmax_daily_los = 5\n' >typo.toml
refuses 3 'max_daily_loss' "$bin" run --headless --config typo.toml
refuses 3 'typo.toml:2' "$bin" check --config typo.toml
refuses 1 'no tape or session' "$bin" replay nosuch --verify
head -c 5000 /dev/urandom >noise.mcap
refuses 1 'noise.mcap' "$bin" tape verify noise.mcap
touch file
XDG_STATE_HOME=$work/file refuses 7 'cannot' "$bin" run --headless --for 2s

start "$bin" run --headless --for 20s
await 10 fetch "$port/healthz" || fail "not alive within 10 s"
refuses 4 'in use' "$bin" run --headless --for 2s
ends "a second run beside the first" 0 env TICKSCOPE_METRICS__PORT=0 "$bin" run --headless --for 2s

for file in demo binance-paper bench-ema history; do
    refuses 0 'valid' "$bin" check --config "$here/config/$file.toml"
done
