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

start "$bin" run --headless --for 20s >/dev/null
await 10 fetch "$port/healthz" || fail "not alive within 10 s"
refuses 4 'in use' "$bin" run --headless --for 2s
ends "a second run beside the first" 0 env TICKSCOPE_METRICS__PORT=0 "$bin" run --headless --for 2s

for file in demo binance-paper bench-ema history; do
    refuses 0 'valid' "$bin" check --config "$here/config/$file.toml"
done

# A disk that is full in mid-run: trading stops, says why, and what was written is whole.
disk=$work/disk
mkdir "$disk"
if mount -t tmpfs -o size=512k tmpfs "$disk" 2>/dev/null; then
    close_disk() { umount "$disk"; }
    full='No space left on device'
else
    # Nobody but root mounts. A file that may not grow fails the same call.
    trap '' XFSZ
    ulimit -S -f 256
    close_disk() { ulimit -S -f unlimited; }
    full='File too large'
fi
tmux_() { tmux -L "tickscope-ci-$$" -f /dev/null "$@"; }
close() { tmux_ kill-server 2>/dev/null || true; close_disk || true; }
trap 'code=$?; close; (exit $code); finish' EXIT
export TICKSCOPE_METRICS__PORT=0
busy=$here/tests/scenarios/busy.toml
XDG_STATE_HOME=$disk refuses 7 "trading stopped.*cannot append.*$full" \
    "$bin" run --headless --for 2m --config "$busy"
ends "replay up to the full disk" 0 env XDG_STATE_HOME="$disk" "$bin" replay last --verify
same "what was written is equal" "$(grep -c ': equal, .*torn off' said)" 1
rm -rf "${disk:?}"/*

tmux_ new-session -d -s main -x 120 -y 40 bash --norc
tmux_ send-keys -t main "clear; stty -g >before; XDG_STATE_HOME=$disk $bin run --config $busy; \
echo \$? >code; stty -g >after" Enter
if await 120 test -s after; then
    same "exit of the screen on a full disk" "$(cat code)" 7
    same "terminal settings after a full disk" "$(cat after)" "$(cat before)"
    shown=$(tmux_ capture-pane -p -J -t main)
    if grep -q "trading stopped.*$full" <<<"$shown"; then
        pass "the screen is closed and the reason stands below"
    else
        fail "no reason on the terminal: $shown"
    fi
else
    fail "the screen goes on with a full disk: $(tmux_ capture-pane -p -t main)"
fi
