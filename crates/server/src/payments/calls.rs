//! Calls to gateways. What a call does, it does once however often it is made, so that a lost answer is asked for again,
//! with longer and longer pauses.

use std::time::Duration;

use bytes::Bytes;
use slippers_gateways::{CallError, Request, Response};
use tokio::time::{Instant, sleep};

use super::gateways::Gateways;
use crate::ports;

/// How long one try may take.
const TRY_LIMIT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The least pause after "too often": OCTO takes about one call a second.
const SLOW_PAUSE: Duration = Duration::from_millis(1100);
/// Tries that never left before it is given up: a buyer is told then, rather than kept waiting.
const UNSENT_TRIES: u32 = 3;

/// How long a call is tried again; the legacy waited as long for one answer.
pub(super) const BUDGET: Duration = Duration::from_secs(20);

/// Why a call tells nothing of the payment. Texts name no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The gateway knows nothing of it.
    #[error("the gateway can't be reached: {0}")]
    NotSent(String),
    /// Nobody knows whether the gateway did it.
    #[error("{0}")]
    Unknown(String),
    /// The gateway says no.
    #[error("the gateway refused: {text}")]
    Refused {
        /// Its words.
        text: String,
        /// Whether no earlier try of this call can have been done.
        is_first: bool,
    },
}

impl Gateways {
    /// Makes a call, again where that helps, until `read` understands its answer or the time is over.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn exchange<T>(
        &self,
        request: &Request,
        budget: Duration,
        read: impl Fn(&Response) -> Result<T, CallError> + Send + Sync,
    ) -> Result<T, Failure> {
        let until = Instant::now() + budget;
        let (mut tries, mut pause, mut may_be_done) = (0, FIRST_PAUSE, false);
        loop {
            tries += 1;
            let limit = TRY_LIMIT.min(until.saturating_duration_since(Instant::now()));
            let (failure, least) = match self.send(request, limit).await {
                Err(ports::CallError::NotSent(cause)) if !may_be_done => {
                    if tries >= UNSENT_TRIES {
                        return Err(Failure::NotSent(cause));
                    }
                    (Failure::NotSent(cause), Duration::ZERO)
                }
                Err(error) => {
                    may_be_done |= matches!(error, ports::CallError::Unknown(_));
                    (Failure::Unknown(error.to_string()), Duration::ZERO)
                }
                Ok(response) => match read(&response) {
                    Ok(told) => return Ok(told),
                    Err(CallError::Refused { text, .. }) => {
                        return Err(Failure::Refused { text, is_first: !may_be_done });
                    }
                    Err(CallError::TooOften) => {
                        (Failure::Unknown(CallError::TooOften.to_string()), SLOW_PAUSE)
                    }
                    Err(error @ CallError::Unknown(_)) => {
                        may_be_done = true;
                        (Failure::Unknown(error.to_string()), Duration::ZERO)
                    }
                },
            };
            let rest = self.with_jitter(pause.max(least));
            let is_over = Instant::now() + rest >= until;
            if is_over || self.closing.run_until_cancelled(sleep(rest)).await.is_none() {
                return Err(failure);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn send(&self, request: &Request, limit: Duration) -> Result<Response, ports::CallError> {
        let unsent = |error: http::Error| ports::CallError::NotSent(error.to_string());
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let body = Bytes::from(request.body.clone().unwrap_or_default());
        let answer = self.client.call(builder.body(body).map_err(unsent)?, limit).await?;
        Ok(Response { status: answer.status().as_u16(), body: answer.into_body().to_vec() })
    }

    /// Up to a half more, so that what failed together is not tried again together.
    fn with_jitter(&self, pause: Duration) -> Duration {
        pause + pause * u32::from(self.draw_byte()) / 512
    }

    /// Any number; where the system has no randomness to give, always the same.
    pub(super) fn draw_byte(&self) -> u8 {
        let mut byte = [0];
        match self.entropy.fill(&mut byte) {
            Ok(()) => byte[0],
            Err(_) => u8::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use slippers_gateways::Method;

    use super::*;
    use crate::ports::{HttpClient, SystemEntropy};
    use crate::settings::PaymentSettings;

    /// What became of a call, one after the other; the last one again and again.
    #[derive(Debug)]
    struct Line(Mutex<Vec<Result<&'static str, ports::CallError>>>);

    #[async_trait]
    impl HttpClient for Line {
        async fn call(
            &self,
            _: http::Request<Bytes>,
            _: Duration,
        ) -> Result<http::Response<Bytes>, ports::CallError> {
            let mut left = self.0.lock().expect("no poison");
            let next = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
            next.map(|body| http::Response::new(Bytes::from_static(body.as_bytes())))
        }
    }

    fn unsent() -> Result<&'static str, ports::CallError> {
        Err(ports::CallError::NotSent("refused".to_owned()))
    }

    fn lost() -> Result<&'static str, ports::CallError> {
        Err(ports::CallError::Unknown("cut".to_owned()))
    }

    fn read(response: &Response) -> Result<(), CallError> {
        match response.body.as_slice() {
            b"yes" => Ok(()),
            b"no" => Err(CallError::Refused { code: 2, text: "no".to_owned() }),
            b"often" => Err(CallError::TooOften),
            _ => Err(CallError::Unknown("a page".to_owned())),
        }
    }

    /// How a call ends, and after how many milliseconds at least and at most.
    async fn end(answers: Vec<Result<&'static str, ports::CallError>>) -> (Result<(), Failure>, u128) {
        let line = Arc::new(Line(Mutex::new(answers)));
        let gateways = Gateways::new(&PaymentSettings::default(), line, Arc::new(SystemEntropy));
        let request = Request {
            method: Method::Post,
            url: "http://127.0.0.1:1/prepare_payment".to_owned(),
            headers: vec![("accept", "application/json".to_owned())],
            body: Some("{}".to_owned()),
        };
        let begun = Instant::now();
        let end = gateways.expect("gateways").exchange(&request, BUDGET, read).await;
        (end, begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_asked_for_again_and_what_never_left_is_given_up_soon() {
        assert_eq!(end(vec![Ok("yes")]).await, (Ok(()), 0));
        let (told, after) = end(vec![lost(), unsent(), Ok("page"), Ok("yes")]).await;
        assert_eq!(told, Ok(()));
        assert!((1750..=2700).contains(&after), "{after}");
        let (told, after) = end(vec![unsent()]).await;
        assert!(matches!(told, Err(Failure::NotSent(_))) && after <= 1200, "{told:?} {after}");
        let (told, after) = end(vec![lost()]).await;
        assert!(matches!(told, Err(Failure::Unknown(_))), "{told:?}");
        assert!((16_000..=20_000).contains(&after), "{after}");
        let (told, after) = end(vec![Ok("often"), Ok("yes")]).await;
        assert_eq!((told, after >= 1100), (Ok(()), true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_sure_only_when_no_try_before_can_have_been_done() {
        let refused = |is_first| Err(Failure::Refused { text: "no".to_owned(), is_first });
        assert_eq!(end(vec![Ok("no")]).await.0, refused(true));
        assert_eq!(end(vec![unsent(), Ok("often"), Ok("no")]).await.0, refused(true));
        for before in [lost(), Ok("page")] {
            assert_eq!(end(vec![before, Ok("no")]).await.0, refused(false));
        }
    }
}
