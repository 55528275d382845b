-- Is the log whole? Lines that are missing, by run; 0 is whole. One lane at a time:
--   duckdb -cmd "SET VARIABLE logs = 'decisions.*.jsonl*'" -f loss.sql
SELECT run_id, max(seq) - min(seq) + 1 - count(*) AS missing
FROM read_ndjson(getvariable('logs'), columns = {run_id: 'VARCHAR', seq: 'BIGINT'})
GROUP BY run_id
ORDER BY run_id;
