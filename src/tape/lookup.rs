//! What is known about each channel, found by channel.

use super::entry::Channel;
use super::schema::Topic;

/// A few channels carry nearly all entries, so this is a list that keeps them near its front: a
/// hit moves one place forward.
pub(super) struct ByChannel<T>(Vec<(Topic, T)>);

impl<T> ByChannel<T> {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// What is known about the channel.
    pub fn find(&mut self, channel: Channel<'_>) -> Option<&mut T> {
        let at = self.0.iter().position(|(topic, _)| topic.channel() == Some(channel))?;
        let front = at.saturating_sub(1);
        self.0.swap(front, at);
        self.0.get_mut(front).map(|(_, known)| known)
    }

    /// Adds a channel that [`ByChannel::find`] does not know.
    pub fn add(&mut self, topic: Topic, known: T) {
        self.0.push((topic, known));
    }

    /// All channels, in an order that does not depend on how they were used.
    pub fn into_sorted(mut self) -> Vec<(Topic, T)> {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.0
    }
}
