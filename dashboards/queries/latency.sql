-- From an order's submission to the venue's answer and to its last fill, in milliseconds.
-- DuckDB reads times to the microsecond only, so they are read as text and made TIMESTAMP_NS.
--   duckdb -cmd "SET VARIABLE logs = 'decisions.*.jsonl*'" -f latency.sql
WITH lines AS (
    SELECT replace(ts, 'Z', '')::TIMESTAMP_NS AS moment, event, strategy, order_id
    FROM read_ndjson(getvariable('logs'), ignore_errors = true, columns = {
        ts: 'VARCHAR', event: 'VARCHAR', strategy: 'VARCHAR', order_id: 'VARCHAR'})
    WHERE order_id IS NOT NULL
), orders AS (
    SELECT strategy, order_id,
        min(moment) FILTER (WHERE event = 'order.submitted') AS submitted,
        min(moment) FILTER (WHERE event = 'order.acked') AS acked,
        max(moment) FILTER (WHERE event = 'fill.received') AS filled
    FROM lines
    GROUP BY strategy, order_id
)
SELECT strategy, count(*) AS orders,
    round(median(epoch_ns(acked) - epoch_ns(submitted)) / 1e6, 3) AS acked_ms,
    round(median(epoch_ns(filled) - epoch_ns(submitted)) / 1e6, 3) AS filled_ms
FROM orders
WHERE submitted IS NOT NULL
GROUP BY strategy
ORDER BY strategy;
