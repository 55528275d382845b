//! A tape served from its start, over a gap, with damaged messages; and the recorded one.

use super::*;

/// A tape in memory.
struct Lines(std::vec::IntoIter<TapeFrame>);

impl TapeFrames for Lines {
    fn next(&mut self) -> Option<TapeFrame> {
        self.0.next()
    }
}

fn tape(frames: Vec<TapeFrame>) -> Tape {
    Tape::new(Box::new(Lines(frames.into_iter())))
}

fn stream(received: u64, stream: &str, data: &str) -> TapeFrame {
    let bytes = format!(r#"{{"stream":"{stream}","data":{data}}}"#).into_bytes();
    TapeFrame { received: UnixNanos(received), bytes, kind: TapeFrameKind::Stream }
}

fn depth(received: u64, first: u64, last: u64, bid: &str) -> TapeFrame {
    let data = format!(
        r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[["5.0","{bid}"]],"a":[]}}"#
    );
    stream(received, "btcusdt@depth@100ms", &data)
}

fn snapshot(received: u64, id: u64) -> TapeFrame {
    let text = format!(r#"{{"lastUpdateId":{id},"bids":[["4.0","1.0"]],"asks":[["6.0","1.0"]]}}"#);
    let kind = TapeFrameKind::Snapshot { symbol: "BTCUSDT".to_owned() };
    TapeFrame { received: UnixNanos(received), bytes: text.into_bytes(), kind }
}

fn book_id(tape: &Tape) -> Option<u64> {
    tape.snapshot("BTCUSDT", 10).map(|snapshot| snapshot.last_update_id)
}

/// Lets time pass; gives the texts that were served.
fn advance(tape: &mut Tape, until: u64) -> Vec<String> {
    let mut frames = Vec::new();
    tape.advance(UnixNanos(until), &mut frames);
    frames.iter().map(|frame| frame.combined.to_string()).collect()
}

/// The first request for a book comes before the recorded answer to it.
#[test]
fn a_book_can_be_asked_for_at_any_position() {
    let recorded = vec![
        depth(10, 1, 4, "1.0"),
        depth(20, 5, 9, "2.0"),
        snapshot(25, 7),
        depth(30, 10, 12, "3.0"),
    ];
    let texts: Vec<_> = (recorded.iter().filter(|frame| frame.kind == TapeFrameKind::Stream))
        .map(|frame| String::from_utf8(frame.bytes.clone()).unwrap())
        .collect();
    let mut tape = tape(recorded);
    assert_eq!((tape.now(), book_id(&tape)), (UnixNanos(10), Some(7)));
    assert_eq!(advance(&mut tape, 10), texts[..1]);
    assert_eq!(book_id(&tape), Some(7));
    assert_eq!(advance(&mut tape, 25), texts[1..2]);
    assert_eq!(book_id(&tape), Some(9));
    assert_eq!(advance(&mut tape, 30), texts[2..]);
    let snapshot = tape.snapshot("BTCUSDT", 1).unwrap();
    assert_eq!((snapshot.last_update_id, snapshot.bids[0].quantity), (12, Fixed::whole(3)));
    assert_eq!(tape.next_due(), None);
}

#[test]
fn a_recorded_gap_leaves_no_book_until_the_next_snapshot() {
    let mut tape = tape(vec![
        snapshot(1, 4),
        depth(10, 5, 6, "1.0"),
        depth(20, 9, 10, "2.0"),
        depth(30, 11, 12, "2.0"),
        snapshot(35, 10),
    ]);
    advance(&mut tape, 20);
    assert_eq!(book_id(&tape), None);
    advance(&mut tape, 40);
    assert_eq!(book_id(&tape), Some(12));
}

#[test]
fn damaged_and_foreign_messages_are_counted_and_do_no_harm() {
    let raw = |bytes: &[u8]| TapeFrame { bytes: bytes.to_vec(), ..depth(15, 1, 2, "1.0") };
    let mut tape = tape(vec![
        raw(b"\xff\xfe"),
        raw(br#"{"result":null,"id":1}"#),
        stream(16, "!serverShutdown", "{}"),
        stream(17, "btcusdt@trade", r#"{"t":"x"}"#),
        stream(18, "btcusdt@trade", r#"{"t":1,"p":"5.0","q":"1.0","T":1,"m":false}"#),
    ]);
    assert_eq!(advance(&mut tape, 100).len(), 2);
    assert_eq!(tape.unusable(), 4);
    assert_eq!(tape.history("BTCUSDT").unwrap().trades(None, 10).count(), 1);
    assert_eq!(tape.listings()[0], Listing::of("BTCUSDT"));
    assert_eq!(tape.listings().len(), 1);
}

/// The recorded lines: `<received> <message>`.
struct Recorded(std::io::Lines<std::io::BufReader<Box<dyn std::io::Read + Send>>>, usize);

impl TapeFrames for Recorded {
    fn next(&mut self) -> Option<TapeFrame> {
        let line = self.0.next()?.unwrap();
        let (received, text) = line.split_once(' ').unwrap();
        let kind = if text.starts_with(r#"{"lastUpdateId""#) {
            // The recording says not whose snapshot it is; here the first is of ETH.
            self.1 += 1;
            let symbol = ["ETHUSDT", "BTCUSDT"][(self.1 - 1) % 2].to_owned();
            TapeFrameKind::Snapshot { symbol }
        } else {
            TapeFrameKind::Stream
        };
        let received = UnixNanos(received.parse().unwrap());
        Some(TapeFrame { received, bytes: text.as_bytes().to_vec(), kind })
    }
}

#[test]
#[ignore = "needs TICKSCOPE_TAPES"]
fn the_recorded_market_is_served_whole_and_its_books_follow() {
    use std::io::BufRead;
    let folder = std::env::var_os("TICKSCOPE_TAPES").expect("TICKSCOPE_TAPES names a folder");
    let name = "binance_spot_btcusdt_ethusdt_first300s.raw.zst";
    let file = std::fs::File::open(std::path::Path::new(&folder).join(name)).unwrap();
    let reader: Box<dyn std::io::Read + Send> = Box::new(zstd::Decoder::new(file).unwrap());
    let mut tape = Tape::new(Box::new(Recorded(std::io::BufReader::new(reader).lines(), 0)));
    assert_eq!(tape.listings().len(), 2);
    let (mut served, mut compared, mut equal) = (0, 0, 0);
    let mut frames = Vec::new();
    let mut quotes: [VecDeque<(u64, [Fixed; 4])>; 2] = Default::default();
    while let Some(due) = tape.next_due() {
        tape.advance(due, &mut frames);
        for frame in frames.drain(..) {
            served += 1;
            let symbol = symbol_of(&frame.stream);
            let quotes = &mut quotes[usize::from(symbol == "ETHUSDT")];
            if frame.stream.ends_with("@bookTicker") {
                let data: serde_json::Value = serde_json::from_str(&frame.raw).unwrap();
                let number = |key: &str| Fixed::parse(data[key].as_str().unwrap()).unwrap();
                quotes.push_back((data["u"].as_u64().unwrap(), ["b", "B", "a", "A"].map(number)));
            } else if frame.kind == FrameKind::Depth {
                let book = tape.snapshot(&symbol, 1).expect("no recorded gap");
                let (bid, ask) = (book.bids[0], book.asks[0]);
                assert!(bid.price < ask.price);
                let older = quotes.partition_point(|(id, _)| *id <= book.last_update_id);
                if let Some((_, quote)) = quotes.drain(..older).next_back() {
                    compared += 1;
                    equal += u32::from([bid.price, bid.quantity, ask.price, ask.quantity] == quote);
                }
            }
        }
    }
    assert_eq!((served, tape.unusable()), (66_248, 0));
    // The venue's quotes conflate: now and then the last one before a change is not sent.
    assert!(compared > 4_500 && compared - equal <= 20, "{equal} of {compared}");
}
