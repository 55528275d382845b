-- What was traded and what it cost, exact: prices and quantities are text in the log, so nothing is
-- rounded on the way.
--   duckdb -cmd "SET VARIABLE logs = 'decisions.*.jsonl*'" -f turnover.sql
SELECT strategy, instrument, side, count(*) AS fills,
    sum(quantity::DECIMAL(18, 8)) AS quantity,
    sum(quantity::DECIMAL(20, 8) * price::DECIMAL(18, 8)) AS notional,
    fee_asset, sum(fee::DECIMAL(18, 10)) AS fees
FROM read_ndjson(getvariable('logs'), ignore_errors = true, columns = {
    event: 'VARCHAR', strategy: 'VARCHAR', instrument: 'VARCHAR', side: 'VARCHAR',
    quantity: 'VARCHAR', price: 'VARCHAR', fee: 'VARCHAR', fee_asset: 'VARCHAR'})
WHERE event = 'fill.received'
GROUP BY ALL
ORDER BY strategy, instrument, side, fee_asset;
