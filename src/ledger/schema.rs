//! The tables and views of a ledger. Amounts are text, moments nanoseconds since 1970, days UTC.

/// Version 1.
pub const TABLES: &str = "
CREATE TABLE sessions (
    run       TEXT PRIMARY KEY,
    directory TEXT NOT NULL,
    started   INTEGER NOT NULL,
    heir_of   TEXT,
    seq       INTEGER,
    until     INTEGER,
    ended     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE checkpoint (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    run       TEXT NOT NULL,
    directory TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    config    TEXT NOT NULL,
    state     BLOB NOT NULL,
    standing  TEXT NOT NULL
) STRICT;

CREATE TABLE fills (
    trade      INTEGER PRIMARY KEY,
    run        TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    strategy   TEXT NOT NULL,
    instrument TEXT NOT NULL,
    order_id   INTEGER NOT NULL,
    side       TEXT NOT NULL,
    price      TEXT NOT NULL,
    quantity   TEXT NOT NULL,
    liquidity  TEXT NOT NULL,
    fee        TEXT NOT NULL,
    fee_asset  TEXT NOT NULL
) STRICT;

CREATE TABLE days (
    day        TEXT NOT NULL,
    strategy   TEXT NOT NULL,
    instrument TEXT NOT NULL,
    fills      INTEGER NOT NULL,
    realised   TEXT NOT NULL,
    fees       TEXT NOT NULL,
    turnover   TEXT NOT NULL,
    PRIMARY KEY (day, strategy, instrument)
) STRICT;

CREATE TABLE equity (
    day   TEXT PRIMARY KEY,
    first TEXT NOT NULL,
    last  TEXT NOT NULL,
    peak  TEXT NOT NULL
) STRICT;

CREATE TABLE blockers (
    day      TEXT NOT NULL,
    strategy TEXT NOT NULL,
    blocker  TEXT NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (day, strategy, blocker)
) STRICT;

CREATE VIEW balances AS
    SELECT json_extract(held.value, '$[0]') AS asset, json_extract(held.value, '$[1]') AS amount
    FROM checkpoint, json_each(checkpoint.standing, '$.balances') AS held;

CREATE VIEW positions AS
    SELECT json_extract(held.value, '$.strategy') AS strategy,
           json_extract(held.value, '$.instrument') AS instrument,
           json_extract(held.value, '$.position.quantity') AS quantity,
           json_extract(held.value, '$.position.fees') AS fees,
           json_extract(held.value, '$.position.fills') AS fills
    FROM checkpoint, json_each(checkpoint.standing, '$.positions') AS held;

PRAGMA user_version = 1;
";
