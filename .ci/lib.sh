# shellcheck shell=bash
# Sourced by the checks: a place of their own, and one line for each thing that must hold.
#
#   TICKSCOPE_BIN    the release binary
#   TICKSCOPE_TAPES  the folder with recorded traffic
#   TICKSCOPE_PORT   where metrics are served, if not at 9746
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${TICKSCOPE_BIN:-$here/target/release/tickscope}
tapes=${TICKSCOPE_TAPES:-$here/../shared/tapes}
port=${TICKSCOPE_PORT:-9746}
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config TICKSCOPE_METRICS__PORT=$port
cd "$work"

failed=0
pids=()

finish() {
    local code=$?
    if ((${#pids[@]})); then
        kill "${pids[@]}" 2>/dev/null || true
        wait "${pids[@]}" 2>/dev/null || true
    fi
    rm -rf "$work"
    if ((code != 0)); then
        echo "FAIL $(basename "$0"): ended early with $code"
    elif ((failed)); then
        code=1
    fi
    exit "$code"
}
trap finish EXIT

pass() { echo "PASS $*"; }
fail() { echo "FAIL $*"; failed=1; }

# same WHAT ACTUAL EXPECTED
same() {
    if [[ $2 == "$3" ]]; then pass "$1: $2"; else fail "$1: $2, expected $3"; fi
}

# holds WHAT FILE JQ-CONDITION: of the last line of a file, which is JSON
holds() {
    if tail -n 1 "$2" | jq -e "$3" >/dev/null; then
        pass "$1: $3"
    else
        fail "$1: not $3 in $(tail -n 1 "$2")"
    fi
}

# succeeds WHAT COMMAND...: shows what the command said if it fails
succeeds() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then pass "$what"; else fail "$what: ended with $?: $said"; fi
}

# ends WHAT CODE COMMAND...: its output is in $work/said
ends() {
    local what=$1 expected=$2 code=0
    shift 2
    "$@" >said 2>&1 || code=$?
    if ((code == expected)); then
        pass "$what: exit $code"
    else
        fail "$what: exit $code, expected $expected: $(tail -c 1000 said)"
    fi
}

# start COMMAND...: in the background, ended with the script; its process id is in $last
start() {
    "$@" &
    last=$!
    pids+=("$last")
}

# await SECONDS COMMAND...: until the command succeeds
await() {
    local left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        ((left-- > 0)) || return 1
        sleep 0.2
    done
}

fetch() { curl -sSf --max-time 5 "http://127.0.0.1:$1"; }
newest() { find "$XDG_STATE_HOME/tickscope/sessions" -mindepth 1 -maxdepth 1 | sort | tail -n 1; }
