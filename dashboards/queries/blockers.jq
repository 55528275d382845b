# Why was nothing bought: how often each comparison stopped a strategy first.
#   zcat -f decisions.*.jsonl* | jq -rsf blockers.jq
# Evaluations that change nothing are not lines; the summaries, one a minute and one at the end, count
# them. The numbers are those of `tickscope whynot`.
[.[] | select(.event == "decision.suppressed_summary")
    | {strategy, instrument} + (.blockers[] | {blocked_by, count})]
| group_by([.strategy, .instrument, .blocked_by])
| map(.[0] + {count: (map(.count) | add)})
| sort_by(.strategy, .instrument, -.count)[]
| [.strategy, .instrument, .blocked_by, .count] | @tsv
