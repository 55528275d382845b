//! A viewer, on the run's side: one thread that sends the newest view whenever the other process is
//! ready for one.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::patch::Patch;
use super::protocol::{Frame, encode_frame};
use super::server::Shared;
use crate::app::live::watchers::{Watchers, Watching, Who};
use crate::engine::view::EngineView;

/// Frames a second at most, whatever is asked for.
const FPS_MAX: u16 = 60;

/// A viewer that takes nothing for so long is not looking: frozen, or behind a line that is down.
const LOOKS_AWAY: Duration = Duration::from_millis(500);

/// Sends views until the run or the viewer ends. Waiting in a write holds up nobody else.
pub(super) fn send_views(stream: &mut UnixStream, shared: &Shared, fps: u16) -> io::Result<()> {
    let pause = Duration::from_secs(1) / u32::from(fps.clamp(1, FPS_MAX));
    stream.set_write_timeout(Some(LOOKS_AWAY))?;
    let mut viewer = Viewer { stream, watchers: shared.watchers(), watching: None };
    let mut sent = Arc::new(EngineView::default());
    loop {
        let ended = shared.wait_for_end(pause);
        let view = shared.view();
        // Before its first view the run has nothing to show, not even what kind of run it is.
        if view.version > 0 && !Arc::ptr_eq(&view, &sent) {
            let patch = Frame::View(Box::new(Patch::between(&sent, &view)));
            viewer.send(&encode_frame(&patch)?)?;
            sent = view;
        }
        if let Some((code, reason)) = ended {
            return viewer.send(&encode_frame(&Frame::Ended { code, reason })?);
        }
    }
}

/// The other process, and whether it looks: the core builds views as often as somebody does.
struct Viewer<'a> {
    stream: &'a mut UnixStream,
    watchers: &'a Watchers,
    watching: Option<Watching>,
}

impl Viewer<'_> {
    /// Writes all of it, however long the other process takes.
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    self.watching.get_or_insert_with(|| self.watchers.enter(Who::Attached));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.watching = None,
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Lost if broken: the core, which would build views for a screen that nobody looks at.
    #[test]
    fn a_viewer_that_takes_nothing_is_not_looking() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        here.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let watchers = Watchers::default();
        let nobody = watchers.pace();
        let (frozen, thawed) = std::sync::mpsc::sync_channel::<()>(1);
        let reader = std::thread::spawn(move || {
            thawed.recv().unwrap();
            let mut bytes = Vec::new();
            there.read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        std::thread::scope(|scope| {
            let (looking, here) = (watchers.clone(), &mut here);
            let sender = scope.spawn(move || {
                let mut viewer = Viewer { stream: here, watchers: &looking, watching: None };
                viewer.send(&[1]).unwrap();
                let looked = looking.pace() != nobody;
                viewer.send(&vec![7; 4 << 20]).unwrap();
                (looked, looking.pace() != nobody)
            });
            let looks_away = (0..1_000).any(|_| {
                std::thread::sleep(Duration::from_millis(5));
                watchers.pace() == nobody
            });
            frozen.send(()).unwrap();
            assert!(looks_away, "views are built for a frozen one");
            assert_eq!(sender.join().unwrap(), (true, true), "and for one that looks again");
        });
        drop(here);
        assert_eq!(reader.join().unwrap(), 1 + (4 << 20));
    }
}
