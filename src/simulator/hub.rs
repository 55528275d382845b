//! Who gets what: the connected sessions, their subscriptions and their bounded queues.
//!
//! The driver publishes without ever waiting for a reader. A session whose queue is full has fallen
//! too far behind and is cut off, so that it neither delays the others nor grows memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::fault::Script;
use super::market::Frame;
use crate::domain::UnixNanos;

/// Counts that the exchange shows of itself.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub frames_sent: AtomicU64,
    pub sessions_opened: AtomicU64,
    pub sessions_cut_off: AtomicU64,
    pub faults_fired: Arc<AtomicU64>,
    pub unusable_frames: AtomicU64,
}

/// A session as the hub knows it.
struct Subscriber {
    id: u64,
    streams: BTreeSet<String>,
    /// Whether messages carry their stream's name around them.
    combined: bool,
    queue: mpsc::Sender<Utf8Bytes>,
    /// Tells the session, even one stuck in a write, that it is cut off.
    cut_off: Arc<Notify>,
}

struct State {
    subscribers: Vec<Subscriber>,
    next_id: u64,
    script: Script,
}

/// The meeting point of driver and sessions.
pub(super) struct Hub {
    state: Mutex<State>,
    /// Whether anybody subscribes to anything.
    subscribed: watch::Sender<bool>,
    queue_frames: usize,
    pub counts: Counts,
}

/// A session's end of the hub; dropping it leaves the hub.
pub(super) struct Membership {
    hub: Arc<Hub>,
    id: u64,
    pub queue: mpsc::Receiver<Utf8Bytes>,
    pub cut_off: Arc<Notify>,
}

impl Hub {
    /// A hub whose sessions may each have `queue_frames` messages waiting.
    pub fn new(queue_frames: usize, faults: Vec<super::Fault>) -> Self {
        let counts = Counts::default();
        let script = Script::new(faults, Arc::clone(&counts.faults_fired));
        let state = Mutex::new(State { subscribers: Vec::new(), next_id: 0, script });
        Self { state, subscribed: watch::Sender::new(false), queue_frames, counts }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a session in.
    pub fn join(self: &Arc<Self>, combined: bool) -> Membership {
        let (sender, queue) = mpsc::channel(self.queue_frames);
        let cut_off = Arc::new(Notify::new());
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.subscribers.push(Subscriber {
            id,
            streams: BTreeSet::new(),
            combined,
            queue: sender,
            cut_off: Arc::clone(&cut_off),
        });
        self.counts.sessions_opened.fetch_add(1, Ordering::Relaxed);
        Membership { hub: Arc::clone(self), id, queue, cut_off }
    }

    /// Waits until somebody subscribes to something.
    pub async fn subscription(&self) {
        // It fails only when the sender is gone, and the sender is ours.
        self.subscribed.subscribe().wait_for(|subscribed| *subscribed).await.ok();
    }

    fn note_subscriptions(&self, state: &State) {
        self.subscribed.send_replace(state.subscribers.iter().any(|s| !s.streams.is_empty()));
    }

    /// The moment that the times of faults count from.
    pub fn start(&self, now: UnixNanos) {
        self.state().script.start(now);
    }

    /// True when trades from an id on must not be told.
    pub fn refuses_history(&self) -> bool {
        self.state().script.refuses_history()
    }

    /// Hands messages to whoever subscribed to them and empties `frames`.
    pub fn publish(&self, frames: &mut Vec<Frame>) {
        let State { subscribers, script, .. } = &mut *self.state();
        for frame in frames.drain(..) {
            let wanted = subscribers.iter().any(|s| s.streams.contains(&*frame.stream));
            if !wanted || script.swallows(&frame) {
                continue;
            }
            subscribers.retain(|subscriber| self.deliver(subscriber, &frame));
        }
    }

    /// False when the subscriber is cut off or gone.
    fn deliver(&self, subscriber: &Subscriber, frame: &Frame) -> bool {
        if !subscriber.streams.contains(&*frame.stream) {
            return true;
        }
        let text = if subscriber.combined { &frame.combined } else { &frame.raw };
        let delivered = subscriber.queue.try_send(text.clone()).is_ok();
        if delivered {
            self.counts.frames_sent.fetch_add(1, Ordering::Relaxed);
        } else {
            self.cut_off(subscriber);
        }
        delivered
    }

    fn cut_off(&self, subscriber: &Subscriber) {
        self.counts.sessions_cut_off.fetch_add(1, Ordering::Relaxed);
        subscriber.cut_off.notify_one();
    }

    /// Waits until every session has room for `frames` messages; one that makes no room within
    /// `patience` is cut off. For a driver that goes as fast as its readers.
    pub async fn room(&self, frames: usize, patience: Duration) {
        let queues: Vec<_> = (self.state().subscribers.iter())
            .map(|subscriber| (subscriber.id, subscriber.queue.clone()))
            .collect();
        for (id, queue) in queues {
            if tokio::time::timeout(patience, queue.reserve_many(frames)).await.is_err() {
                self.state().subscribers.retain(|subscriber| {
                    if subscriber.id == id {
                        self.cut_off(subscriber);
                    }
                    subscriber.id != id
                });
            }
        }
    }
}

impl Membership {
    /// Looks at or changes this session's subscriptions; `None` once it is cut off.
    fn change<T>(&self, change: impl FnOnce(&mut Subscriber) -> T) -> Option<T> {
        let mut state = self.hub.state();
        let changed = state.subscribers.iter_mut().find(|s| s.id == self.id).map(change);
        self.hub.note_subscriptions(&state);
        changed
    }

    /// Adds streams; false when that would be more than `limit`.
    pub fn subscribe(&self, streams: &[String], limit: usize) -> bool {
        let fits = self.change(|subscriber| {
            subscriber.streams.extend(streams.iter().cloned());
            subscriber.streams.len() <= limit
        });
        fits.unwrap_or(true)
    }

    /// Removes streams; removing an unknown one is no error.
    pub fn unsubscribe(&self, streams: &[String]) {
        self.change(|subscriber| subscriber.streams.retain(|stream| !streams.contains(stream)));
    }

    /// What is subscribed, sorted.
    pub fn subscriptions(&self) -> Vec<String> {
        self.change(|subscriber| subscriber.streams.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether messages carry their stream's name.
    pub fn combined(&self) -> bool {
        self.change(|subscriber| subscriber.combined).unwrap_or_default()
    }

    pub fn set_combined(&self, combined: bool) {
        self.change(|subscriber| subscriber.combined = combined);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.subscribers.retain(|subscriber| subscriber.id != self.id);
        self.hub.note_subscriptions(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::market::FrameKind;

    fn frames(stream: &str, count: u64) -> Vec<Frame> {
        let frame =
            |n| Frame::new(UnixNanos(n), &stream.into(), FrameKind::Other, format!("[{n}]"));
        (0..count).map(frame).collect()
    }

    #[test]
    fn a_reader_that_does_not_read_is_cut_off_and_the_others_miss_nothing() {
        let hub = Arc::new(Hub::new(8, Vec::new()));
        let stuck = hub.join(false);
        let mut quick = hub.join(true);
        for member in [&stuck, &quick] {
            assert!(member.subscribe(&["a@trade".to_owned()], 10));
        }
        for _ in 0..4 {
            hub.publish(&mut frames("a@trade", 4));
            for n in 0..4 {
                let text = quick.queue.try_recv().unwrap();
                assert_eq!(text.as_str(), format!(r#"{{"stream":"a@trade","data":[{n}]}}"#));
            }
        }
        assert_eq!(hub.counts.sessions_cut_off.load(Ordering::Relaxed), 1);
        assert_eq!(hub.counts.frames_sent.load(Ordering::Relaxed), 16 + 8);
        assert!(stuck.subscriptions().is_empty(), "the hub still knows the stuck reader");
    }

    #[test]
    fn a_subscriber_gets_its_streams_in_its_form() {
        let hub = Arc::new(Hub::new(8, Vec::new()));
        let mut raw = hub.join(false);
        raw.subscribe(&["a@trade".to_owned()], 10);
        hub.publish(&mut frames("b@trade", 1));
        hub.publish(&mut frames("a@trade", 1));
        assert_eq!(raw.queue.try_recv().unwrap().as_str(), "[0]");
        assert!(raw.queue.try_recv().is_err());
    }
}
