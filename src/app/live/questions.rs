//! Questions: REST calls on a thread of their own, so that the core never waits for one. Answers
//! come back as frames.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::app::error::{AppError, Exit};
use crate::venue::Request;
use crate::venue::binance::requests;
use crate::venue::rest::{Answer, Rest};

/// Questions that may wait at once: a request a book, and the venue's list.
const WAITING: usize = 256;

/// A question's answer.
#[derive(Debug)]
pub struct Answered {
    /// What was asked.
    pub request: Request,
    /// What came.
    pub answer: Answer,
}

/// The core's end.
pub struct Questions {
    ask: mpsc::Sender<Request>,
    answers: mpsc::Receiver<Answered>,
}

impl Questions {
    /// Starts the thread that asks `rest` about these symbols.
    pub fn start(rest: Rest, symbols: Vec<String>) -> Result<(Self, JoinHandle<()>), AppError> {
        let (ask, mut asked) = mpsc::channel::<Request>(WAITING);
        let (reply, answers) = mpsc::channel(WAITING);
        let fail = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(fail)?;
        let join = std::thread::Builder::new().name("rest".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let rest = Arc::new(rest);
                while let Some(request) = asked.recv().await {
                    let (rest, reply) = (Arc::clone(&rest), reply.clone());
                    let call = requests::call(&request, &symbols);
                    tokio::spawn(async move {
                        let answer = rest.ask(&call).await;
                        // Nobody waits for it any more once the run has ended.
                        let _ = reply.send(Answered { request, answer }).await;
                    });
                }
            });
        });
        Ok((Self { ask, answers }, join.map_err(fail)?))
    }

    /// Asks; false when too many questions wait already: the decoder will want it again.
    pub fn ask(&self, request: Request) -> bool {
        self.ask.try_send(request).is_ok()
    }

    /// Waits for the next answer. Dropping the wait loses nothing.
    pub async fn answer(&mut self) -> Option<Answered> {
        self.answers.recv().await
    }
}
