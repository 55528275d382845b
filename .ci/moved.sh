#!/usr/bin/env bash
# Every metric of the catalogue moves: in a run to which everything happens that can happen here, or in
# the scenario that is named for it below. A metric that nothing moves says "all is well" for ever.
source "$(dirname "$0")/lib.sh"
exchange=19083
screen=(tmux -L "moved$$" -f /dev/null)
trap '"${screen[@]}" kill-server 2>/dev/null || true; finish' EXIT
export TERM=screen-256color LC_ALL=C.UTF-8

# What this run cannot do to itself, or does not do each time, and which test does.
elsewhere() {
    cat <<'LIST'
tickscope_alerts_total alerts::
tickscope_bars_partial_total bars::a_bar_whose_trades_cannot_be_had_is_partial
tickscope_decisions_evicted_total app::decision::store::
tickscope_feed_negative_transit_total .ci/dashboards.sh
tickscope_late_trades_total engine::tests::
tickscope_log_dropped_total telemetry::tests::lanes::a_disk_that_stays_full_loses_lines_by_the_book
tickscope_log_truncated_total telemetry::line::tests::a_line_that_is_too_long_says_so_and_stays_json
tickscope_log_write_errors_total telemetry::tests::lanes::a_full_disk_is_counted_and_what_fits_the_buffer_is_written_later
tickscope_metrics_label_overflow_total telemetry::tests::
tickscope_order_rejects_total telemetry::tests::records::refusals_rejections_and_stops_are_told_with_their_numbers
tickscope_queue_blocked_seconds_total telemetry::tests::lanes::decisions_wait_for_a_slow_file_and_lose_nothing
tickscope_queue_depth telemetry::tests::lanes::what_waits_for_a_slow_file_is_shown_until_it_is_written
tickscope_queue_dropped_total telemetry::tests::lanes::diagnostics_drop_when_full_and_say_so_as_soon_as_there_is_room
tickscope_replay_divergences_total app::past::
tickscope_sessions_pruned_bytes_total upkeep::
tickscope_sessions_pruned_total upkeep::
tickscope_strategy_panics_total panic::
tickscope_tape_write_errors_total .ci/bad_input.sh
LIST
}

serve() {
    start "$bin" sim --port "$exchange" --instruments BTCUSDT,ETHUSDT --speed 4 "$@" >/dev/null
    server=$last
    await 20 fetch "$exchange/api/v3/ping" || fail "the exchange does not answer"
}
serve --fault drop-depth=300 --fault drop-trade=400x20 --fault silence=ethusdt@trade@60s
"${screen[@]}" new-session -d -x 150 -y 45 "$bin" run --venue-url "http://127.0.0.1:$exchange" \
    --set expect.trade=2s --set expect.evaluation=1s --set record.memory=1MiB
await 30 fetch "$port/readyz" || fail "not ready: $("${screen[@]}" capture-pane -p)"
scraping() { while sleep 0.1; do fetch "$port/metrics" 2>/dev/null | grep '^tickscope_' || true; done >samples.txt; }
start scraping
sleep 12
"$bin" pause trend >/dev/null
"$bin" trace BTCUSDT 2s >/dev/null
"${screen[@]}" send-keys Tab Tab 9
start "${screen[@]}" new-session -d -s viewer -x 120 -y 40 "$bin" attach
sleep 10
kill -USR1 "$(jq -rs '.[0][0].labels.__tickscope_pid' "$XDG_STATE_HOME"/tickscope/prometheus/*.json)"
"$bin" resume trend >/dev/null
kill "$server"
sleep 14
serve
sleep 12
"$bin" halt >/dev/null
sleep 8
"$bin" resume >/dev/null
"$bin" flatten >/dev/null || true
sleep 2

sed -n '/^<!-- metrics -->/,/^<!-- end of metrics -->/s/^| `\(tickscope_[a-z_]*\)`.*/\1/p' "$here/docs/observability.md" |
    sort >catalogue
same "metrics of the catalogue" "$(($(wc -l <catalogue) > 100))" 1
awk '$NF != 0 && $NF != "NaN" { sub(/[{ ].*/, ""); sub(/_(bucket|sum|count)$/, ""); print }' \
    samples.txt | sort -u >moved
elsewhere | cut -d ' ' -f 1 | sort >named
unmoved=$(comm -23 catalogue moved | comm -23 - named | xargs)
same "metrics that nothing moves" "$unmoved" ""
same "names of none" "$(comm -13 catalogue named | xargs)" ""
while read -r metric where; do
    case $where in
        .ci/*) [[ -x $here/$where ]] ;;
        *) grep -rqF "fn ${where##*::}" "$here/src" "$here/tests" ||
            [[ -d $here/src/$(dirname "${where//::/\/}x") || -f $here/tests/it/${where%%::*}.rs ]] ;;
    esac || fail "$metric: there is no $where"
done < <(elsewhere)
pass "each of $(elsewhere | wc -l) others has a scenario of its own"
"${screen[@]}" send-keys -t 0 q
