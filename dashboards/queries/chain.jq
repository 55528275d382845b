# One decision from its numbers to its fills:
#   zcat -f decisions.*.jsonl* | jq -rf chain.jq --arg id k7f3-1-0412
select(.decision_id == $id) | [.ts[11:23], .event, .msg] | @tsv
