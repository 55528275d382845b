#!/usr/bin/env bash
# The screen in a real terminal: trades are seen in 30 seconds, and the terminal comes back whole.
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

visit 120x40 q
visit 80x24 q
visit 200x50 TERM
