-- Why was nothing bought: how often each comparison stopped a strategy first, as `tickscope whynot`
-- counts. Evaluations that change nothing are not lines; the summaries count them.
--   duckdb -cmd "SET VARIABLE logs = 'decisions.*.jsonl*'" -f blockers.sql
SELECT strategy, instrument, blocker.blocked_by AS blocked_by, sum(blocker.count)::BIGINT AS count
FROM (
    SELECT strategy, instrument, unnest(blockers) AS blocker
    FROM read_ndjson(getvariable('logs'), ignore_errors = true, columns = {
        event: 'VARCHAR', strategy: 'VARCHAR', instrument: 'VARCHAR',
        blockers: 'STRUCT(blocked_by VARCHAR, count BIGINT)[]'})
    WHERE event = 'decision.suppressed_summary'
)
GROUP BY ALL
ORDER BY strategy, instrument, count DESC, blocked_by;
