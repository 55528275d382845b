# Is the log whole? Lines that are missing, by run; 0 is whole. One lane at a time:
#   zcat -f decisions.*.jsonl* | jq -rsf loss.jq
group_by(.run_id)[]
| [.[0].run_id, (map(.seq) | max - min + 1 - length)] | @tsv
