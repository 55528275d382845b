//! What a file's name says: `BTCUSDT-1m-2025-01.zip` is of BTCUSDT, in bars of a minute.

use std::path::Path;

use crate::domain::Nanos;

/// What a name tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// The instrument, if the name begins with one.
    pub symbol: Option<String>,
    /// The length of its bars, if it names one, in nanoseconds.
    pub length: Option<Nanos>,
    /// The interval as written, when it is of no fixed length: weeks and months.
    pub uneven: Option<String>,
}

/// Reads a name.
pub fn read(path: &Path) -> Named {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut parts = stem.split(['-', '.']);
    let symbol = parts.next().filter(|part| is_symbol(part)).map(str::to_owned);
    let Some(second) = parts.next().filter(|_| symbol.is_some()) else {
        return Named { symbol, ..Named::default() };
    };
    let uneven = matches!(second, "1w" | "1mo" | "1M").then(|| second.to_owned());
    Named { symbol, length: interval(second), uneven }
}

/// Capitals and digits with a letter among them, as venues write their instruments; a delivery
/// date may follow an underscore.
fn is_symbol(part: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    part.len() >= 5
        && part.bytes().all(allowed)
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// An interval as Binance names it: `1s`, `15m`, `4h`, `1d`.
fn interval(text: &str) -> Option<Nanos> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let count: u64 = digits.parse().ok().filter(|count| (1..=100_000).contains(count))?;
    Some(count * unit * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: whose prices a file has.
    #[test]
    fn a_name_says_its_instrument_and_interval() {
        let check = |name: &str, symbol: Option<&str>, seconds: Option<u64>| {
            let named = read(Path::new(name));
            assert_eq!(named.symbol.as_deref(), symbol, "{name}");
            assert_eq!(named.length, seconds.map(|s| s * 1_000_000_000), "{name}");
        };
        check("/data/BTCUSDT-1m-2025-01.zip", Some("BTCUSDT"), Some(60));
        check("1000SATSUSDT-4h-2025-01-02.csv", Some("1000SATSUSDT"), Some(14_400));
        check("BTCUSDT-trades-2025-01-01.csv", Some("BTCUSDT"), None);
        check("ETHUSDT-aggTrades-2025-01.parquet", Some("ETHUSDT"), None);
        check("BTCUSDT_250627-1d-2025-01.zip", Some("BTCUSDT_250627"), Some(86_400));
        check("BTCUSDT.csv", Some("BTCUSDT"), None);
        check("ticks_1m.csv", None, None);
        check("20250101-1m.csv", None, None);
        check("", None, None);
        assert_eq!(read(Path::new("BTCUSDT-1mo-2025-01.zip")).uneven.as_deref(), Some("1mo"));
    }
}
