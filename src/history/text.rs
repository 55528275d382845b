//! The lines of a text: numbered, bounded, whatever ends them.

use std::io::{self, BufRead, BufReader, Read};

/// No row of market data is longer.
const LINE_BYTES_MAX: u64 = 4_096;

/// Reads lines into one buffer.
pub struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
    /// The first of the empty lines just read.
    empty: Option<u64>,
}

impl Lines {
    /// The lines of a text.
    pub fn new(reader: Box<dyn Read + Send>) -> Self {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        Self { reader, line: Vec::with_capacity(256), number: 0, empty: None }
    }

    /// The line just read, without what ends it.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line; false at the end. Empty lines are fine there and nowhere else.
    pub fn advance(&mut self) -> io::Result<bool> {
        loop {
            self.line.clear();
            let mut bounded = self.reader.by_ref().take(LINE_BYTES_MAX + 1);
            if bounded.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(false);
            }
            self.number += 1;
            self.trim()?;
            if self.line.is_empty() {
                self.empty.get_or_insert(self.number);
            } else if let Some(empty) = self.empty {
                return Err(invalid(format!("line {empty} is empty, and rows follow it")));
            } else {
                return Ok(true);
            }
        }
    }

    /// Takes off what ends the line and, of the first one, the byte order mark.
    fn trim(&mut self) -> io::Result<()> {
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() as u64 > LINE_BYTES_MAX {
            return Err(invalid(format!("is longer than {LINE_BYTES_MAX} bytes: no market data")));
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if self.number == 1 && self.line.starts_with(b"\xEF\xBB\xBF") {
            self.line.drain(..3);
        }
        Ok(())
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, String> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.to_vec())));
        let mut all = Vec::new();
        while lines.advance().map_err(|error| error.to_string())? {
            all.push((lines.number(), lines.line().to_vec()));
        }
        Ok(all)
    }

    /// Lost if broken: files that passed through Windows or a spreadsheet.
    #[test]
    fn ends_of_lines_and_a_byte_order_mark_are_no_content() {
        let expected = vec![(1, b"a".to_vec()), (2, b"b".to_vec())];
        for text in [&b"a\nb"[..], b"a\nb\n", b"a\r\nb\r\n", b"\xEF\xBB\xBFa\r\nb\n\n\r\n"] {
            assert_eq!(lines(text).as_ref(), Ok(&expected), "{text:?}");
        }
    }

    /// Lost if broken: memory, to a file that is one line; rows, to a file with a hole in it.
    #[test]
    fn endless_and_empty_lines_are_refused() {
        assert!(lines(&vec![b'1'; 5_000]).unwrap_err().contains("longer than 4096 bytes"));
        assert!(lines(b"a\n\nb\n").unwrap_err().contains("line 2 is empty"));
    }
}
