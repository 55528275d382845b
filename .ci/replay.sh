#!/usr/bin/env bash
# What was recorded replays byte for byte, also after kill -9; what was changed is named.
source "$(dirname "$0")/lib.sh"

ends "demo for the replay" 0 "$bin" run --headless --for 15s
session=$(newest)
name=$(basename "$session")
ends "first replay" 0 "$bin" replay "$name" --verify
cp said first
ends "second replay" 0 "$bin" replay "$name" --verify
same "both replays say the same" "$(cat said)" "$(cat first)"
grep -q equal said && pass "$(cat said)" || fail "no word of equality: $(cat said)"

# A trade frame from the middle: every trade is in a bar, and every bar in a decision.
trade=$("${PYTHON:-python3}" "$here/.ci/trade_frame.py" "$session")
ends "tape without trade frame $trade" 0 "$bin" tape cut "$name" --drop "$trade" -o cut.mcap
ends "replay of the cut tape" 5 "$bin" replay cut.mcap --verify
if grep -q "input [0-9]" said; then
    pass "first difference: $(head -n 1 said)"
else
    fail "no difference named: $(cat said)"
fi

start "$bin" run --headless >/dev/null
run=$last
await 10 fetch "$port/readyz" || fail "not ready within 10 s"
sleep 8
kill -9 "$run"
wait "$run" 2>kill.txt || true
ends "replay after kill -9" 0 "$bin" replay last --verify
same "says that it is torn" "$(grep -c 'torn' said)" 1
same "the killed session was replayed" "$(grep -c "$(basename "$(newest)")" said)" 1
echo "     $(cat said)"
