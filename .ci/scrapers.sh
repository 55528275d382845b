#!/usr/bin/env bash
# Whoever scrapes: from another network in the documented way, a thousand at once, and one that never
# ends its request. The run goes on meanwhile, and decides as fast as before.
source "$(dirname "$0")/lib.sh"
network=ts$$ address=10.213.7.1

leave() {
    ip netns delete "$network" 2>/dev/null || true
    finish
}
trap leave EXIT

start "$bin" run --headless --json --for 60s --set venue.simulator.speed=4 >run.json
run=$last
answers() { fetch "$port/metrics" >/dev/null; }
await 20 answers || fail "no metrics"
metric() { fetch "$port/metrics" | awk -v name="$1" 'index($1, name) == 1 { sum += $2 } END { print sum + 0 }'; }
# Messages of the last ten seconds.
rate() {
    local before
    before=$(metric tickscope_feed_messages_total)
    sleep 10
    echo $(($(metric tickscope_feed_messages_total) - before))
}
alone=$(rate)

# A client that sends half a request holds a place for five seconds, and no more.
"$PYTHON" - "$port" <<'PY' &
import socket, sys, time
lines = []
for _ in range(40):
    line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    line.sendall(b"GET /metrics HTTP/1.1\r\n")
    lines.append(line)
time.sleep(20)
PY
slow=$!
pids+=("$slow")
sleep 1
took=$( { time -p fetch "$port/metrics" >/dev/null; } 2>&1 | awk '/real/ { print $2 }')
if awk -v took="$took" 'BEGIN { exit !(took < 8) }'; then
    pass "a scrape behind forty that never end: $took s"
else
    fail "a scrape behind forty that never end took $took s"
fi
wait "$slow" || true

"$PYTHON" - "$port" >crowd <<'PY' &
import concurrent.futures, sys, urllib.request
def scrape(_):
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/metrics", timeout=60) as answer:
        return answer.status == 200 and b"tickscope_build_info" in answer.read()
with concurrent.futures.ThreadPoolExecutor(1000) as crowd:
    print(sum(crowd.map(scrape, range(1000))))
PY
crowd=$!
beside=$(rate)
wait "$crowd" || true
same "scrapes of a thousand at once that were answered" "$(<crowd)" 1000
if ((beside * 10 > alone * 9)); then
    pass "messages in ten seconds: $alone alone, $beside beside a thousand scrapers"
else
    fail "messages in ten seconds: $alone alone, $beside beside a thousand scrapers"
fi
wait "$run" || fail "the run ended with $?"
holds "the run with its scrapers" run.json '.gaps <= 1 and .fills > 0 and .reconnects == 0'

# From another network, such as that of containers: the run binds an address of its own there.
ip netns add "$network"
ip link add "$network" type veth peer name inner netns "$network"
ip addr add "$address/24" dev "$network"
ip link set "$network" up
ip -n "$network" addr add 10.213.7.2/24 dev inner
ip -n "$network" link set inner up
ends "an address that others reach, without a token" 3 "$bin" check --set metrics.bind=$address
head -c 24 /dev/urandom | base64 >token
start "$bin" run --headless --json --for 15s --set metrics.bind=$address --set metrics.token_file="$work/token" >bound.json
run=$last
inside() { ip netns exec "$network" curl -s --max-time 5 -w '%{http_code}' "$@" "http://$address:$port/metrics"; }
bearing() { inside -H "Authorization: Bearer $(<token)"; }
reached() { bearing | grep -q '^tickscope_build_info'; }
await 15 reached && pass "a scrape from another network" || fail "no scrape from another network"
same "without the token" "$(inside -o /dev/null)" 401
same "on the loopback address" "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/metrics" || true)" 000
wait "$run" || fail "the bound run ended with $?"
