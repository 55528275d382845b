# What came nearest to a signal, the nearest first:
#   zcat -f decisions.*.jsonl* | jq -rsf near-misses.jq
[.[] | select(.event == "decision.suppressed_summary" and .nearest_decision_id != null)]
| sort_by(.nearest_ratio)[]
| [.nearest_decision_id, .strategy, .instrument, .nearest_rule, .nearest_left, .nearest_right] | @tsv
