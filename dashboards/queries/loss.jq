# Is the log whole? Lines that are missing, by run; 0 is whole. One lane at a time:
#   jq -rsf loss.jq decisions.*.jsonl
group_by(.run_id)[]
| [.[0].run_id, (map(.seq) | max - min + 1 - length)] | @tsv
