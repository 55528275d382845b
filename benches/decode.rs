//! What decoding a Binance frame costs, from its bytes to what is told: a thousand frames an
//! iteration, so the reported throughput is frames a second.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tickscope::domain::{AssetId, Instrument, UnixNanos};
use tickscope::venue::binance::BinanceDecoder;
use tickscope::venue::{Decoder, Frame, Listener, Request, Source, Told};

const FRAMES: u64 = 1_000;

/// Makes the n-th frame.
type MakeFrame = fn(u64) -> String;

/// Looks at what is told and counts it.
#[derive(Default)]
struct Count(u64);

impl Listener for Count {
    fn told(&mut self, told: Told<'_>) {
        assert!(!matches!(black_box(told), Told::Unusable { .. }));
        self.0 += 1;
    }
}

fn decoder() -> BinanceDecoder {
    let instrument = Instrument::unfiltered("BTCUSDT", "binance", AssetId(0), AssetId(1));
    BinanceDecoder::new(vec![instrument])
}

fn decode(decoder: &mut BinanceDecoder, source: &Source, frames: &[String]) -> u64 {
    let mut count = Count::default();
    for frame in frames {
        let frame = Frame { source, received: UnixNanos(1), bytes: frame.as_bytes() };
        decoder.frame(&frame, &mut count);
    }
    count.0
}

/// A decoder whose book is in step up to update 0.
fn synced() -> BinanceDecoder {
    let mut decoder = decoder();
    let stream = Source::Stream { connection: 1 };
    decode(&mut decoder, &stream, &[depth(0, "")]);
    let request = Request::Depth { symbol: "BTCUSDT".into() };
    let answer = Source::Answer { request, status: 200 };
    decode(&mut decoder, &answer, &[r#"{"lastUpdateId":0,"bids":[],"asks":[]}"#.into()]);
    decoder
}

fn trade(n: u64) -> String {
    format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":{},"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}}}"#,
        3_735_683_259 + n
    )
}

fn book_ticker(n: u64) -> String {
    format!(
        r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{},"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}}}"#,
        50_093_239_212 + n
    )
}

fn depth(n: u64, levels: &str) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":{n},"u":{n},"b":[{levels}],"a":[{levels}]}}}}"#
    )
}

/// Twenty levels a side: a busy event.
fn busy_depth(n: u64) -> String {
    depth(n + 1, &[r#"["61837.63000000","3.78826000"]"#; 20].join(","))
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(FRAMES));
    let stream = Source::Stream { connection: 1 };
    let cases: [(&str, MakeFrame); 3] =
        [("trade", trade), ("bookTicker", book_ticker), ("depth, 40 levels", busy_depth)];
    for (name, frame) in cases {
        let frames: Vec<String> = (0..FRAMES).map(frame).collect();
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                synced,
                |decoder| decode(decoder, &stream, &frames),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(decode_benches, benches);
criterion_main!(decode_benches);
