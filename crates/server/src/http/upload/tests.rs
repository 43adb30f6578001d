//! Uploads under a paused clock: who is told that he is slow, and who is not;
//! how much passes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// What a caller does, one step a poll.
enum Does {
    Sends(usize),
    Breaks(io::ErrorKind),
    /// Sends nothing for so long.
    Pauses(Duration),
}

struct Caller {
    steps: VecDeque<Does>,
    pause: Alarm,
    until: Option<Instant>,
}

impl Body for Caller {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if let Some(until) = this.until {
            this.pause.set(until);
            ready!(this.pause.poll_due(cx));
            this.until = None;
        }
        match this.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Does::Sends(bytes)) => Poll::Ready(Some(Ok(Frame::data(vec![0; bytes].into())))),
            Some(Does::Breaks(kind)) => Poll::Ready(Some(Err(kind.into()))),
            Some(Does::Pauses(time)) => {
                this.until = Some(Clock.now() + time);
                Pin::new(this).poll_frame(cx)
            }
        }
    }
}

/// At most 1000 bytes, a pause of a minute, 10 bytes a second.
fn rising(steps: impl IntoIterator<Item = Does>) -> (Rising<Caller>, Arc<AtomicBool>) {
    let caller = Caller {
        steps: steps.into_iter().collect(),
        pause: Alarm::new(),
        until: None,
    };
    let limits = BodyLimits {
        size: 1,
        upload: 1000,
        time: 60 * SECOND,
        rate: 10,
        shelf: crate::http::gathered::shelf(Clock),
    };
    let whole = Arc::<AtomicBool>::default();
    (
        Rising::new(caller, &limits, Clock, Arc::clone(&whole)),
        whole,
    )
}

/// All of it, or why it ended.
async fn read(steps: impl IntoIterator<Item = Does>) -> Result<usize, Option<Code>> {
    let (mut body, whole) = rising(steps);
    let mut all = 0;
    loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => {
                assert!(whole.load(Ordering::Relaxed));
                return Ok(all);
            }
            Some(Ok(frame)) => all += frame.into_data().unwrap().len(),
            Some(Err(unsent)) => {
                assert!(!whole.load(Ordering::Relaxed));
                return Err(match unsent {
                    Unsent::Gone => None,
                    Unsent::Refused(failure) => Some(failure.code),
                });
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_whatever_was_announced() {
    use Does::Sends;
    assert_eq!(read([Sends(400), Sends(600)]).await, Ok(1000));
    let over = read([Sends(400), Sends(601), Sends(1)]).await;
    assert_eq!(over, Err(Some(Code::RequestTooLarge)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_trickles_or_pauses_is_told_so() {
    use Does::{Pauses, Sends};
    let too_slow = Err(Some(Code::RequestTimeout));
    let start = Clock.now();
    assert_eq!(read([Pauses(6 * SECOND), Sends(1)]).await, too_slow);
    assert_eq!(Clock.now() - start, GRACE);
    // Bytes buy time, at 10 a second, and never more than a minute at once.
    let bought = |pause: u32| [Sends(100), Pauses(pause * SECOND), Sends(1)];
    assert_eq!(read(bought(14)).await, Ok(101));
    assert_eq!(read(bought(16)).await, too_slow);
    let much = |pause: u32| [Sends(900), Pauses(pause * SECOND), Sends(1)];
    assert_eq!(read(much(59)).await, Ok(901));
    assert_eq!(read(much(61)).await, too_slow);
    let trickle = (0..100).flat_map(|_| [Pauses(SECOND), Sends(1)]);
    assert_eq!(read(trickle).await, too_slow);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_upstream_takes_is_not_the_caller_s() {
    let (mut body, _) = rising((0..5).map(|_| Does::Sends(1)));
    for _ in 0..5 {
        Clock.sleep(100 * SECOND).await;
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(frame.is_some_and(|frame| frame.is_ok()));
    }
}

#[tokio::test(start_paused = true)]
async fn who_left_is_told_from_who_frames_wrong() {
    use Does::{Breaks, Sends};
    let gone = read([Sends(1), Breaks(io::ErrorKind::UnexpectedEof)]).await;
    assert_eq!(gone, Err(None));
    let wrong = read([Sends(1), Breaks(io::ErrorKind::InvalidData)]).await;
    assert_eq!(wrong, Err(Some(Code::BadFraming)));
}
