#!/usr/bin/env bash
# Why, why not, and the past: every order of the recorded tape has its whole chain, every moment is
# explained as a whole replay decides it, and the replay screen goes back and forth.
source "$(dirname "$0")/lib.sh"
screen=(tmux -L "explain$$" -f /dev/null)
trap '"${screen[@]}" kill-server 2>/dev/null || true; finish' EXIT

"$bin" tape import "$tapes"/binance_spot_btcusdt_ethusdt_20240808-09.raw.zst -o full.mcap >/dev/null
ends "a session of the whole tape" 0 "$bin" backtest --tape full.mcap --json
session=$(tail -n 1 said | jq -r .session)
prefix=${session##*-}
"$bin" explain --every --session "$session" >every.jsonl
same "evaluations that are explained" "$(wc -l <every.jsonl)" "$(tail -n 1 said | jq .evaluations)"

mapfile -t orders < <("$bin" explain --orders --session "$session" | jq -r .id)
"$PYTHON" "$here/.ci/explain.py" orders "$bin" "$session" "${orders[@]}"
# Of one strategy that trades both instruments.
jq -c 'select(.strategy == "trend")' every.jsonl >trend.jsonl
"$PYTHON" "$here/.ci/explain.py" times "$bin" "$session" trend.jsonl 100

# A live session has checkpoints; its witness compared it with what its core did.
ends "a live session" 0 "$bin" run --headless --json --for 15s --set venue.simulator.speed=20
cp said live.json
live=$(jq -r .session live.json)
same "the run parted from what its inputs make" \
    "$(cat "$(newest)"/logs/diagnostics.*.jsonl | jq -c 'select(.event == "session.parted")' | wc -l)" 0
mapfile -t orders < <("$bin" explain --orders --session "$live" | jq -r .id)
"$PYTHON" "$here/.ci/explain.py" orders "$bin" "$live" "${orders[@]}"
"$bin" explain --every --session "$live" >live.jsonl
same "evaluations of the live session" "$(wc -l <live.jsonl)" "$(jq .evaluations live.json)"
"$PYTHON" "$here/.ci/explain.py" times "$bin" "$live" live.jsonl 30
echo "     checkpoints: $(du -b "$(newest)/checkpoints" | cut -f 1) bytes for $(jq .frames live.json) messages"

# Ids that are none name the nearest that are.
ends "an unknown decision" 1 "$bin" explain "$prefix-0-999999"
grep -q "its last decision is $prefix-0-" said && pass "names the last one" || fail "$(cat said)"
ends "an unknown number of the venue" 1 "$bin" explain 987654321 --session "$session"
grep -q 'the nearest of an order is' said && pass "names the nearest one" || fail "$(cat said)"
ends "no id at all" 2 "$bin" explain nonsense
ends "a strategy that is none" 2 "$bin" explain --session "$session" --at 23:55 --strategy nobody

# Why not: what stopped it adds up.
for strategy in $(jq -r .strategy every.jsonl | sort -u); do
    for symbol in $(jq -r "select(.strategy == \"$strategy\").instrument" every.jsonl | sort -u); do
        "$bin" whynot --session "$session" --strategy "$strategy" --instrument "$symbol" \
            --from 2024-08-08T00:00:00Z --json >whynot.json
        holds "whynot $strategy $symbol" whynot.json \
            '.evaluations - .signals + .refused == ([.blockers[].count] | add // 0)'
        same "evaluations of $strategy in $symbol" "$(jq .evaluations whynot.json)" \
            "$(jq -c "select(.strategy == \"$strategy\" and .instrument == \"$symbol\")" every.jsonl | wc -l)"
    done
done

# The replay screen: to a decision, ten inputs back, ten forward.
shown() { "${screen[@]}" capture-pane -p; }
decision=$(jq -r 'select(.outcome == "signal").id' every.jsonl | sed -n 20p)
"${screen[@]}" new-session -d -x 120 -y 40 "$bin" replay "$session" --at "$decision"
at_decision() { shown | grep -q "$decision"; }
await 20 at_decision || fail "the replay screen does not show $decision: $(shown)"
settled() {
    local before
    before=$(shown)
    sleep 0.4
    [[ $(shown) == "$before" ]]
}
await 5 settled
shown >before.txt
for _ in {1..10}; do "${screen[@]}" send-keys ','; done
await 10 settled
shown >back.txt
for _ in {1..10}; do "${screen[@]}" send-keys '.'; done
await 10 settled
shown >after.txt
if cmp -s before.txt back.txt; then fail "ten inputs back changed nothing"; else pass "ten inputs back is another screen"; fi
if diff before.txt after.txt >parts.txt; then pass "ten forward again is the same screen"; else fail "$(cat parts.txt)"; fi
"${screen[@]}" send-keys q
gone() { ! "${screen[@]}" has-session 2>/dev/null; }
await 5 gone && pass "q ends the replay screen" || fail "the replay screen does not end"

# The fastest of five, in milliseconds.
fastest() {
    local best=999999 began took
    for _ in {1..5}; do
        began=$(date +%s%N)
        "$@" >/dev/null
        took=$((($(date +%s%N) - began) / 1000000))
        ((took < best)) && best=$took
    done
    echo "$best"
}
echo "     explain --last: $(fastest "$bin" explain --last --session "$live") ms of a live session," \
    "$(fastest "$bin" explain --last --session "$session") ms of the whole tape without checkpoints"

# The page of docs as it is typed, on a session of its own.
XDG_STATE_HOME=$work/walked "$PYTHON" "$here/.ci/walk.py" "$bin" "$here/docs/explain.md" || failed=1
