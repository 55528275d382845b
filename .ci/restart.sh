#!/usr/bin/env bash
# Kill -9 twenty times at random during a paper run on one account: what it has equals a run that
# was never stopped on the same inputs, fold by fold; every session verifies; a restart is quick.
source "$(dirname "$0")/lib.sh"
python=${PYTHON:-python3}

start "$bin" sim --port 0 --speed 5 --instruments BTCUSDT,ETHUSDT >market
await 10 grep -q "serving http" market || fail "no market: $(cat market)"
url=$(grep -o -m 1 'http://127[^ ]*' market)
run=(run --headless --config "$here/tests/scenarios/busy.toml" --set account.name=kept
    --set metrics.port=0 --venue-url "$url")

RANDOM=7
for _ in {1..20}; do
    "$bin" "${run[@]}" >/dev/null 2>killed &
    last=$!
    sleep "$((1 + RANDOM % 3)).$((RANDOM % 10))"
    kill -9 "$last"
    wait "$last" 2>/dev/null || true
done
ends "the run after twenty kills" 0 "$bin" "${run[@]}" --for 5s --json
cp said last
holds "it trades on" last '.fills > 0 and .partial_bars == 0'

ends "the account against a run that was never stopped" 0 "$bin" account kept --verify --json
cp said account
holds "twenty kills" account '.runs == 21 and .chain.equal >= 18 and .chain.difference == null'
echo "     $(jq -c .chain account)"
for session in "$XDG_STATE_HOME"/tickscope/sessions/*; do
    code=0
    "$bin" replay "$(basename "$session")" --verify >verdict 2>&1 || code=$?
    if ((code == 0)) || grep -q 'no entry was flushed\|holds nothing\|before its first' verdict; then
        verified=$((${verified:-0} + 1))
    else
        fail "$(basename "$session"): $(cat verdict)"
    fi
done
same "sessions that verify" "$verified" 21

# Position, cash, fees, the day's loss and the peak once more, from the ledger's fills alone.
ends "the account is the fold of its fills" 0 "$python" "$here/.ci/fold.py" \
    "$XDG_STATE_HOME/tickscope/accounts/kept/ledger.db" account
echo "     $(cat said)"

# A restart with more than a thousand fills behind it, from the program's start to its first decision.
fills=$(jq '[.days[].fills] | add' account)
while ((fills < 1000)); do
    "$bin" "${run[@]}" --for 15s >/dev/null
    fills=$("$bin" account kept --json | jq '[.days[].fills] | add')
done
pass "fills before the restart: $fills"
began=$(date +%s%N)
ends "a restart" 0 "$bin" "${run[@]}" --for 3s --json
ends "resumed and decided within 200 ms, the wait for data not counted" 0 \
    "$python" "$here/.ci/restart_ms.py" "$(newest)/logs" "$began" 200
echo "     $(cat said)"
