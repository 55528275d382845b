#!/usr/bin/env bash
# What a run answers over HTTP: 10,000 decisions by cursor while more arrive, every answer against
# its description, and a decision's page in a real browser.
source "$(dirname "$0")/lib.sh"
base=http://127.0.0.1:$port

start "$bin" run --headless --json --config "$here/tests/scenarios/busy.toml" \
    --set "metrics.port=$port" --set venue.simulator.speed=40 >result.json
run=$last
await 30 fetch "$port/readyz" || fail "not ready within 30 s"
enough() { fetch "$port/decisions?limit=1" | jq -e '.held > 11000'; }
await 180 enough || fail "held: $(fetch "$port/decisions?limit=1" | jq .held)"
"$PYTHON" "$here/.ci/over_http.py" "$base" || failed=1

id=$(fetch "$port/fills?limit=1" | jq -r '.fills[0].decision')
browse() {
    timeout 90 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --no-first-run --user-data-dir="$work/browser" --window-size=1000,1600 "$@" 2>browser.log
}
browse --dump-dom "$base/decisions/$id" >page.html || fail "the browser: $(tail -c 500 browser.log)"
for text in "Why $id" EVENT INPUTS RULES SIGNAL RISK ORDER FILL POSITION ema_fast order_notional \
    "tickscope explain $id" "client order id" '✓'; do
    if grep -qF "$text" page.html; then pass "the page shows $text"; else fail "no $text on the page"; fi
done
blocked=$(fetch "$port/decisions?outcome=no_signal&limit=1" | jq -r '.decisions[0].id')
browse --dump-dom "$base/decisions/$blocked" >blocked.html || true
same "the first blocker is marked once" "$(grep -o 'first blocker' blocked.html | wc -l)" 1
browse --screenshot="$work/page.png" "$base/decisions/$id" >/dev/null || true
"$PYTHON" "$here/.ci/over_http.py" picture page.png || failed=1

same "what others may reach" "$(ss -Hltn "sport = :$port" | awk '{ print $4 }')" "127.0.0.1:$port"
code=0
kill "$run"
wait "$run" || code=$?
same "exit of the run" "$code" 0
ends "replay of the run that was asked" 0 "$bin" replay last --verify
