#!/usr/bin/env bash
# The screen in a real terminal: trades are seen in 30 seconds, the demo's first minute shows and
# says what it is there for, and the terminal comes back whole.
source "$(dirname "$0")/lib.sh"
socket=tickscope-ci-$$
export TERM=screen-256color LC_ALL=C.UTF-8 PS1='$ '
tmux_() { tmux -L "$socket" -f /dev/null "$@"; }
gone() { ! tmux_ list-sessions 2>/dev/null; }
# A session that is asked for while the last server still ends would end with it.
close() { tmux_ kill-server 2>/dev/null || true; await 5 gone && sleep 0.5; }
trap 'code=$?; close; (exit $code); finish' EXIT

show() { tmux_ capture-pane -p -t main; }
sees() { show | grep -Eq "$1"; }
await_text() { await "$1" sees "$2" || { show; return 1; }; }

# visit SIZE END: runs the screen until an order has filled, ends it with the key or the signal
visit() {
    local columns=${1%x*} rows=${1#*x}
    rm -f before after code pid
    tmux_ new-session -d -s main -x "$columns" -y "$rows" bash --norc
    tmux_ send-keys -t main \
        "clear; stty -g >before; bash -c 'echo \$\$ >pid; exec $bin'; echo \$? >code; stty -g >after" Enter
    if await_text 30 '(BUY|SELL) +[0-9.,]+ +FILLED +.*[a-z]'; then
        pass "$1: a filled order and its reason: $(show | grep -Eo -m 1 '(BUY|SELL) +[0-9.,]+ +FILLED +.{8}')…"
    else
        fail "$1: no filled order within 30 s"
    fi
    sees 'DEMO +synthetic market' && pass "$1: says that the market is synthetic" || fail "$1: no badge"
    if [[ $2 == q ]]; then tmux_ send-keys -t main q; else kill "-$2" "$(cat pid)"; fi
    if await 10 test -s after; then
        same "$1: terminal settings after $2" "$(cat after)" "$(cat before)"
        same "$1: exit after $2" "$(cat code)" 0
        same "$1: alternate screen, mouse after $2" \
            "$(tmux_ display-message -p -t main '#{alternate_on}#{mouse_any_flag}#{cursor_flag}')" 001
        sees 'tickscope replay .* --verify' && pass "$1: says how to replay" || fail "$1: last words missing: $(show)"
    else
        show
        fail "$1: did not end within 10 s of $2"
    fi
    close
}

# sees_within SECONDS WHAT REGEX
sees_within() {
    if await_text "$1" "$3"; then pass "first minute: $2: $(show | grep -Eo -m 1 "$3")"; else fail "first minute: no $2"; fi
}

# logged LANE WHAT JQ-CONDITION: of some line of the newest session
logged() {
    if cat "$(newest)"/logs/"$1".*.jsonl | jq -es "any($3)" >/dev/null; then
        pass "first minute: $2 is in the log"
    else
        fail "first minute: $2 is not in the log"
    fi
}

# The demo at 80x24 with nobody at the keyboard, then the two keys that it coaches.
first_minute() {
    local began=$SECONDS
    tmux_ new-session -d -s main -x 80 -y 24 "$bin"
    sees_within 10 "coaching" 'Enter: why · w: why not'
    sees_within 40 "entry and its reason" 'trend +BTCUSDT BUY +0.00324 FILLED +ema_fast crosses above'
    sees_within 30 "refusal with its limit" 'breakout +BTCUSDT BUY +0.00400 REFUSED position .* > 400'
    sees_within 30 "gap and resync" 'gaps +1 resynced'
    sees_within 30 "near miss with its numbers" 'trend +ETHUSDT none +BLOCKED rsi < rsi_max: 81.2133 > 80'
    same "first minute: all of it within 45 s" "$((SECONDS - began <= 45))" 1
    show
    tmux_ send-keys -t main w
    sees_within 5 "why not" 'last evaluation of every strategy'
    tmux_ send-keys -t main Escape
    await_text 5 ' Enter: why  for the row' || fail "first minute: the coach does not notice w"
    tmux_ send-keys -t main Enter
    sees_within 5 "why" 'EVENT +bar closed'
    tmux_ send-keys -t main Escape
    sees_within 5 "the coach leaves" '⏎ why  w why not'
    logged decisions "the entry with its rules" '.event == "decision.evaluated" and .outcome == "signal"
        and .strategy == "trend" and (.rules | any(.rule == "enter_long" and .op == "crosses above" and .result == "true"))'
    logged decisions "the refusal with both numbers" '.event == "risk.checked" and .refused_by == "position_notional"'
    logged diagnostics "the gap" '.event == "feed.sequence_gap" and .instrument == "BTCUSDT"'
    same "first minute: books synced: two at start, one again" \
        "$(cat "$(newest)"/logs/diagnostics.*.jsonl | jq -c 'select(.event == "feed.resynced")' | wc -l)" 3
    logged decisions "the near miss" '.event == "decision.evaluated" and .blocked_by == "enter_long: rsi < rsi_max"
        and (.rules | any(.left == "rsi" and .result == "false" and .left_value - .right_value < 2))'
    tmux_ send-keys -t main q
    close
}

first_minute
visit 120x40 q
visit 80x24 q
visit 200x50 TERM
