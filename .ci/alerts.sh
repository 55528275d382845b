#!/usr/bin/env bash
# The outage drill: a real Prometheus and Alertmanager, a webhook, an exchange that goes silent, runs
# that end and one that is killed. Who is paged, and who is not?
source "$(dirname "$0")/lib.sh"
boards=$here/dashboards
prometheus=19092 alertmanager=19093 hook=19095 exchange=19082
screen=(tmux -L "alerts$$" -f /dev/null)
trap '"${screen[@]}" kill-server 2>/dev/null || true; kill -CONT "${sim:-$$}" 2>/dev/null || true; finish' EXIT
export TERM=screen-256color LC_ALL=C.UTF-8

# Who waits for what: as in the files that are shipped, with less patience.
cp -r "$boards/prometheus" rules
mkdir -p "$XDG_STATE_HOME/tickscope/prometheus"
ln -s "$XDG_STATE_HOME/tickscope/prometheus" rules/targets
sed "s/127.0.0.1:9746/127.0.0.1:$port/; s/127.0.0.1:9090/127.0.0.1:$prometheus/; s/127.0.0.1:9093/127.0.0.1:$alertmanager/" \
    "$boards/prometheus/prometheus.yml" >rules/prometheus.yml
sed "s/9095/$hook/; s/group_interval: 30s/group_interval: 5s/; s/group_wait: 5s/group_wait: 1s/" \
    "$boards/alertmanager/alertmanager.yml" >alertmanager.yml
succeeds "amtool check-config" amtool check-config alertmanager.yml
alertmanager_=$(command -v prometheus-alertmanager || command -v alertmanager)
: >told
start "${PYTHON:-python3}" "$here/.ci/webhook.py" $hook told
start "$alertmanager_" --config.file=alertmanager.yml --storage.path="$work/am" --cluster.listen-address= \
    --web.listen-address=127.0.0.1:$alertmanager --log.level=error
start prometheus --config.file=rules/prometheus.yml --storage.tsdb.path="$work/tsdb" \
    --web.listen-address=127.0.0.1:$prometheus --log.level=error 2>prometheus.log
start "$bin" sim --port $exchange >/dev/null
sim=$last
await 20 fetch "$exchange/api/v3/ping" || fail "the exchange does not answer"

# run NAME ENTRY COMMAND...: a run of an account of its own; what it buys it keeps
config() {
    cat <<TOML
[run]
mode = "paper"
[venue]
name = "binance"
kind = "loopback"
instruments = ["BTCUSDT"]
reconnect_first = "100ms"
reconnect_most = "1s"
[account]
name = "$1"
balances = { USDT = 10000 }
[metrics]
port = $port
[[strategy]]
name = "keeper"
kind = "rules"
feed = "trades"
size = "500 USDT"
enter = "price $2 0"
exit = "price < 0"
TOML
}
config flat '<' >flat.toml
config holder '>' >holder.toml
trade=("$bin" run --venue-url "http://127.0.0.1:$exchange" --config)

scraped() { fetch "$prometheus/api/v1/query?query=instance:tickscope_exposure_gross:sum" | jq -e '.data.result | length > 0'; }
up() { fetch "$prometheus/api/v1/query?query=up%7Bjob%3D%22tickscope%22%7D" | jq -e ".data.result[0].value[1] == \"$1\""; }
fires() { fetch "$prometheus/api/v1/alerts" | jq -e "[.data.alerts[] | select(.state == \"firing\" and .labels.alertname == \"$1\") | .labels.severity] == [\"$2\"]"; }
# told_of STATUS ALERT: who was told
told_of() { jq -r "select(.status == \"$1\" and .alertname == \"$2\").to" told | sort -u | tr '\n' ' '; }
hears() { [[ $(told_of "$1" "$2") == "$3 " ]]; }
holds_much() { fetch "$port/metrics" | awk 'index($1, "tickscope_exposure_gross") == 1 && $2 > 300 { found = 1 } END { exit !found }'; }

# Ended while it holds nothing: for the record, and nobody is woken.
start "${trade[@]}" flat.toml --headless >/dev/null
flat=$last
await 40 scraped || fail "the flat run is not scraped"
await 10 up 1 || fail "the flat run is not up"
kill "$flat"
wait "$flat" || fail "the flat run ended with $?"
await 40 fires TickscopeDown info && pass "SIGTERM with nothing open: info" || fail "SIGTERM: $(fetch "$prometheus/api/v1/alerts")"
"${screen[@]}" new-session -d -x 120 -y 40 "${trade[@]}" flat.toml
await 40 up 1 || fail "the run with a screen is not up: $("${screen[@]}" capture-pane -p)"
sleep 3
"${screen[@]}" send-keys -t 0 q
await 40 fires TickscopeDown info && pass "q with nothing open: info" || fail "q: $(fetch "$prometheus/api/v1/alerts")"
sleep 12
# What fires before Alertmanager is known is told again a minute later.
await 60 hears firing Watchdog watchdog && pass "the watchdog barks" || fail "no watchdog: $(cat told)"
same "pages so far" "$(jq -c 'select(.to != "watchdog")' told)" ""

# Flattened, and ended at once.
config flattened '>' >flattened.toml
start "${trade[@]}" flattened.toml --headless >/dev/null
flattened=$last
await 60 holds_much || fail "no position to flatten"
await 20 up 1 || fail "the run to flatten is not up"
succeeds "flatten" "$bin" flatten
holds_little() { ! holds_much; }
await 20 holds_little || fail "still held: $("$bin" flatten)"
sleep 1.5
kill "$flattened"
wait "$flattened" || fail "the flattened run ended with $?"
await 40 fires TickscopeDown info && pass "flattened and ended: info" || fail "flattened: $(fetch "$prometheus/api/v1/alerts")"
sleep 8
same "pages so far" "$(jq -c 'select(.to != "watchdog")' told)" ""

# The exchange says nothing any more, with a position open, and then goes on.
start "${trade[@]}" holder.toml --headless >/dev/null
holder=$last
await 60 holds_much || fail "no position: $(fetch "$port/metrics" | grep exposure)"
await 20 up 1 || fail "the holder is not up"
sleep 6
kill -STOP "$sim"
began=$SECONDS
for alert in FeedStale OpenPositionOnStaleData; do
    await 60 hears firing $alert page && pass "$alert reaches the pager after $((SECONDS - began)) s" ||
        fail "$alert: $(cat told)"
done
echo "     $(jq -r 'select(.alertname == "OpenPositionOnStaleData").description' told | head -n 1)"
kill -CONT "$sim"
began=$SECONDS
for alert in FeedStale OpenPositionOnStaleData; do
    await 90 hears resolved $alert page && pass "$alert is resolved after $((SECONDS - began)) s" ||
        fail "$alert is not resolved: $(cat told)"
done

# Killed with the position open: somebody must look.
await 30 holds_much || fail "the position is gone"
kill -KILL "$holder"
wait "$holder" 2>/dev/null || true
began=$SECONDS
await 60 hears firing TickscopeDown page && pass "kill -9 with a position pages after $((SECONDS - began)) s" ||
    fail "kill -9: $(cat told)"
echo "     $(jq -r 'select(.alertname == "TickscopeDown").description' told | head -n 1)"
same "what TickscopeDown is known from" "$(jq -r 'select(.alertname == "TickscopeDown") | .because' told | sort -u)" position
