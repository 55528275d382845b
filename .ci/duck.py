"""Runs a query of dashboards/queries with DuckDB, as `duckdb -csv` would: duck.py FILE LOGS"""

import sys

import duckdb

connection = duckdb.connect()
connection.execute("SET VARIABLE logs = $1", [sys.argv[2]])
with open(sys.argv[1]) as file:
    for row in connection.execute(file.read()).fetchall():
        print(*row, sep="\t")
