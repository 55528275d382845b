# Orders that our own risk checks refused, by the first check that failed, with number and limit:
#   zcat -f decisions.*.jsonl* | jq -rf refusals.jq | sort | uniq -c | sort -rn
select(.event == "risk.checked" and .result != "approved")
| [.strategy, .instrument, .refused_by] | @tsv
