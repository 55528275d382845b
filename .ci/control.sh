#!/usr/bin/env bash
# The stop button and the line that drops: commands from another process, screens that attach, a
# terminal that goes away. The recording of it all replays equal.
source "$(dirname "$0")/lib.sh"
socket=tickscope-ci-control-$$
export TERM=screen-256color LC_ALL=C.UTF-8 PS1='$ '
tmux_() { tmux -L "$socket" -f /dev/null "$@"; }
trap 'code=$?; tmux_ kill-server 2>/dev/null || true; (exit $code); finish' EXIT

session() { basename "$(newest)"; }
# said EVENT: the lines of an event in the decisions lane of the newest session
said() { cat "$(newest)"/logs/decisions.*.jsonl | jq -c "select(.event == \"$1\")"; }
count() { said "$1" | wc -l; }
more_than() { (($(count "$1") > $2)); }
metric() { fetch "$port/metrics" | awk -v name="$1" 'index($1, name) == 1 { sum += $2 } END { print sum + 0 }'; }
show() { tmux_ capture-pane -p -t "$1"; }
sees() { show "$1" | grep -Eq "$2"; }
await_text() { await "$1" sees "$2" "$3" || { show "$2"; return 1; }; }

ends "no run is active" 4 "$bin" halt

busy=$here/tests/scenarios/busy.toml
start "$bin" run --headless --json --config "$busy" --set "metrics.port=$port" >result.json
run=$last
await 20 more_than order.filled 0 || fail "no fill within 20 s"
same "mode of the socket" "$(stat -c '%a %F' "$(newest)/control.sock")" "600 socket"
same "mode of its directory" "$(stat -c %a "$(newest)")" 700
same "the socket is in runtime.toml" "$(grep -c "$(newest)/control.sock" "$(newest)/runtime.toml")" 1

closes() {
    "$bin" flatten --json >flat.json && jq -e '.closing | length > 0' flat.json ||
        { "$bin" resume >/dev/null; return 1; }
}
if await 30 closes; then pass "flatten: $(jq -r .text flat.json)"; else fail "flatten: $(cat flat.json)"; fi
is_flat() { "$bin" flatten --json | jq -e '.held == 0 and .canceled == 0'; }
if await 10 is_flat; then pass "everything is closed"; else fail "still held: $("$bin" flatten)"; fi
in_metrics() { fetch "$port/metrics" | grep -q '^tickscope_trading_state{.*state="flattening"} 1'; }
await 5 in_metrics && pass "flattening in metrics" || fail "flattening is not in metrics"
sleep 0.5
before=$(count order.submitted)
sleep 2
same "orders sent while flat" "$(($(count order.submitted) - before))" 0
succeeds "resume" "$bin" resume
if await 20 more_than order.submitted "$before"; then pass "it trades again"; else fail "no order after resume"; fi

ends "a strategy that does not exist" 2 "$bin" pause bsy
same "the strategy that was meant" "$(grep -c 'did you mean `busy`' said)" 1
succeeds "pause" "$bin" pause busy
same "paused in metrics" "$(metric 'tickscope_strategy_paused{strategy="busy"}')" 1
succeeds "resume busy" "$bin" resume busy
succeeds "cancel-all" "$bin" cancel-all
ends "halt" 0 "$bin" halt --session "$(session | tail -c 5)"
same "halt says what holds" "$(grep -c 'trading is halted' said)" 1
succeeds "resume after halt" "$bin" resume

tmux_ new-session -d -s first -x 120 -y 40 "$bin" attach
tmux_ new-session -d -s second -x 80 -y 24 "$bin" attach --read-only
await_text 20 first 'DEMO +attached' && pass "attach: the run's badge" || fail "attach shows no badge"
await_text 20 second 'attached, read-only' && pass "a second viewer, read-only" || fail "no second viewer"
same "viewers in metrics" "$(metric tickscope_attached_viewers)" 2
frozen=$(tmux_ display-message -p -t second '#{pane_pid}')
kill -STOP "$frozen"
evaluations=$(metric tickscope_strategy_evaluations_total)
sleep 3
same "evaluations go on with a frozen viewer" "$(($(metric tickscope_strategy_evaluations_total) > evaluations))" 1
tmux_ resize-window -t first -x 200 -y 50
await_text 10 first 'Health' && pass "the other viewer is resized" || fail "no 200x50"
kill -KILL "$frozen"
one_left() { [[ $(metric tickscope_attached_viewers) == 1 ]]; }
await 10 one_left && pass "a killed viewer is gone" || fail "viewers: $(metric tickscope_attached_viewers)"
tmux_ send-keys -t first F9
await_text 5 first 'Stop all trading' || fail "F9 does not ask"
tmux_ send-keys -t first HALT Enter
await_text 5 first 'HALTED: operator' && pass "halted from an attached screen" || fail "not halted"
tmux_ send-keys -t first q
code=0
kill "$run"
wait "$run" || code=$?
same "exit of the run" "$code" 0
same "socket gone" "$(find "$(newest)" -name control.sock | wc -l)" 0
for command in flatten pause resume cancel-all halt; do
    lines=$(said operator.command | jq -c "select(.command == \"$command\" and .by_pid > 0)" | wc -l)
    same "$command in the log, with who gave it" "$((lines > 0))" 1
done
same "decisions that say operator: flatten" \
    "$(($(said decision.evaluated | grep -c 'operator: flatten') > 0))" 1
ends "replay of a run with commands and viewers" 0 "$bin" replay last --verify

# The line drops: the terminal goes away in mid-run. The account was left halted, and stays so.
tmux_ new-session -d -s line -x 120 -y 40 "$bin" run --fresh --config "$busy" \
    --set run.on_hangup=continue
await_text 30 line FILLED || fail "it does not trade"
run=$(tmux_ display-message -p -t line '#{pane_pid}')
tmux_ kill-session -t line
lost() { cat "$(newest)"/logs/diagnostics.*.jsonl | grep -q screen.lost; }
await 10 lost && pass "it says that the terminal is gone" || fail "no screen.lost"
before=$(count decision.evaluated)
await 10 more_than decision.evaluated "$before" && pass "it goes on without a screen" || fail "it stands still"
busy_threads=$(cat /proc/"$run"/task/*/comm | grep -c tui-input || true)
same "threads that read the dead terminal" "$busy_threads" 0
tmux_ new-session -d -s back -x 120 -y 40 bash -c "$bin attach; echo exit \$?; sleep 60"
await_text 20 back 'FILLED' && pass "attach finds it trading" || fail "attach does not find it"
kill "$run"
if await_text 10 back 'has ended: asked to' && await_text 5 back '^exit 0'; then
    pass "the viewer ends with the run and says so"
else
    fail "the viewer does not end with the run"
fi
gone() { ! kill -0 "$run" 2>/dev/null; }
await 10 gone && pass "it ends when asked" || fail "it does not end"
ends "replay of the run that lost its terminal" 0 "$bin" replay last --verify

# A headless run under on_hangup = "continue" outlives SIGHUP, one under "stop" ends cleanly.
for policy in continue stop; do
    start "$bin" run --headless --set "run.on_hangup=$policy" --set metrics.port=0 >words.txt
    run=$last
    await 10 grep -q control "$(newest)/runtime.toml" && sleep 1
    kill -HUP "$run"
    sleep 1
    if [[ $policy == continue ]]; then
        succeeds "SIGHUP with continue: it still answers" "$bin" halt
        kill "$run"
    fi
    code=0
    wait "$run" || code=$?
    same "SIGHUP with $policy: exit" "$code" 0
done

if command -v systemd-analyze >/dev/null; then
    sed "s|/usr/local/bin/tickscope|$bin|; s|/etc/tickscope|$here/config|" \
        "$here/docs/tickscope.service" >tickscope.service
    # It also warns about units of this machine; what counts is what it says about ours.
    systemd-analyze verify --man=no ./tickscope.service >unit.txt 2>&1 || true
    same "what systemd finds wrong with the unit" "$(grep -c 'tickscope.service' unit.txt || true)" 0
fi
