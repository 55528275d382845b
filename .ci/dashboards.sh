#!/usr/bin/env bash
# Dashboards and rules: what promtool and Grafana's own types say of them, and every query of every
# panel on a demo that a real Prometheus scrapes.
source "$(dirname "$0")/lib.sh"
boards=$here/dashboards
prometheus=19091
screen=(tmux -L "dashboards$$" -f /dev/null)
trap '"${screen[@]}" kill-server 2>/dev/null || true; finish' EXIT
export TERM=screen-256color LC_ALL=C.UTF-8

cp -r "$boards/prometheus" rules
succeeds "promtool check rules" promtool check rules rules/rules.yml
succeeds "promtool test rules" promtool test rules rules/rules_test.yml
sed -i 's/tickscope_drawdown_ratio/tickscope_drawdown_rate/' rules/rules.yml
ends "promtool test rules sees an alert on a metric that is misspelt" 1 promtool test rules rules/rules_test.yml

mkdir types
cd types
npm install --silent --no-audit --no-fund --ignore-scripts @grafana/schema@13.2.3 typescript@5.9.3 >npm.log 2>&1 ||
    fail "npm install: $(tail -c 500 npm.log)"
for board in "$boards"/grafana/*.json; do
    { cat "$here/.ci/dashboard_types.ts" "$board"; echo ';'; } >"$(basename "$board" .json).ts"
done
types() { npx tsc --noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext "$@"; }
succeeds "the types of the dashboards" types ./*.ts
for slip in gridPos/gridpos showPoints/showpoints textMode/textmode expr/exprs never/nevr useValueForTime/useValueFortime; do
    sed "s/\"${slip%/*}\"/\"${slip#*/}\"/" overview.ts >misspelt.ts
    ends "the types see $slip" 2 types misspelt.ts
done
cd "$work"

# With a screen, because panels are about it; at four times the speed, so that a minute is enough.
"${screen[@]}" new-session -d -x 150 -y 45 "$bin" run --set venue.simulator.speed=4
await 20 fetch "$port/readyz" || fail "not ready within 20 s: $("${screen[@]}" capture-pane -p)"
# The run is in the fixed list and in the one that runs write: one target all the same.
ln -s "$XDG_STATE_HOME/tickscope/prometheus" rules/targets
same "targets that runs tell of" "$(jq -s 'map(.[].targets[])' -c rules/targets/*.json)" "[\"127.0.0.1:$port\"]"
cp "$boards/prometheus/rules.yml" rules/rules.yml
sed "s/127.0.0.1:9746/127.0.0.1:$port/; s/127.0.0.1:9090/127.0.0.1:$prometheus/" \
    "$boards/prometheus/prometheus.yml" >rules/prometheus.yml
succeeds "promtool check config" promtool check config rules/prometheus.yml
start prometheus --config.file=rules/prometheus.yml --storage.tsdb.path="$work/tsdb" \
    --web.listen-address=127.0.0.1:$prometheus --enable-feature=exemplar-storage --log.level=error 2>prometheus.log # no Alertmanager here
sleep 60
targets() { fetch "$prometheus/api/v1/targets" | jq -c '[.data.activeTargets[] | select(.labels.job == "tickscope") | .health]'; }
same "the run is one target" "$(targets)" '["up"]'
same "rules that cannot be evaluated" \
    "$(fetch "$prometheus/api/v1/rules" | jq -c '[.data.groups[].rules[] | select(.health != "ok") | .name]')" '[]'
# Its exchange has a clock that runs four times as fast.
same "alerts on a demo that is well" \
    "$(fetch "$prometheus/api/v1/alerts" | jq -c '[.data.alerts[] | select(.state == "firing").labels.alertname] | unique')" '["ClockSkew","Watchdog"]'

# A dot in a panel of latencies is a decision that the run can explain.
for family in tick_to_decision tick_to_order; do
    id=$(curl -sSf -G "http://127.0.0.1:$prometheus/api/v1/query_exemplars" --data-urlencode "query=tickscope_${family}_seconds_bucket" \
        --data "start=$(($(date +%s) - 60))" --data "end=$(date +%s)" | jq -r '[.data[].exemplars[].labels.decision_id] | last')
    same "the decision behind $family" "$(fetch "$port/decisions/$id" | jq -r .id)" "$id"
done

python=${PYTHON:-python3}
"$python" "$here/.ci/panels.py" "http://127.0.0.1:$prometheus" "$boards/grafana" || failed=1
cp -r "$boards/grafana" misspelt
sed -i 's/tickscope_book_synced/tickscope_book_sinced/' misspelt/overview.json
ends "a panel on a metric that is misspelt" 1 "$python" "$here/.ci/panels.py" "http://127.0.0.1:$prometheus" misspelt
if grep -q 'Books in sync: no such metric: tickscope_book_sinced' said; then
    pass "the panel is named"
else
    fail "the panel is not named: $(cat said)"
fi
"${screen[@]}" send-keys -t 0 q
gone() { ! fetch "$port/healthz"; }
await 20 gone && pass "q ends the run" || fail "the run goes on after q"
