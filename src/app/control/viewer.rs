//! A viewer, on the run's side: one thread that sends the newest view whenever the other process is
//! ready for one.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::patch::Patch;
use super::protocol::{Frame, encode_frame};
use super::server::Shared;
use crate::engine::view::EngineView;

/// Frames a second at most, whatever is asked for.
const FPS_MAX: u16 = 60;

/// Sends views until the run or the viewer ends. Waiting in a write holds up nobody else.
pub(super) fn send_views(stream: &mut UnixStream, shared: &Shared, fps: u16) -> io::Result<()> {
    let pause = Duration::from_secs(1) / u32::from(fps.clamp(1, FPS_MAX));
    stream.set_write_timeout(None)?;
    let mut sent = Arc::new(EngineView::default());
    loop {
        let ended = shared.wait_for_end(pause);
        let view = shared.view();
        // Before its first view the run has nothing to show, not even what kind of run it is.
        if view.version > 0 && !Arc::ptr_eq(&view, &sent) {
            let patch = Frame::View(Box::new(Patch::between(&sent, &view)));
            stream.write_all(&encode_frame(&patch)?)?;
            sent = view;
        }
        if let Some((code, reason)) = ended {
            return stream.write_all(&encode_frame(&Frame::Ended { code, reason })?);
        }
    }
}
