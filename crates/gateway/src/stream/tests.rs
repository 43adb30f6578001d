//! Flows over a source that came whole, judged event by event: what the
//! caller gets of it, and which oddities are counted.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use kernel::{
    Alarm, ByteBudget, Clock, Counter, Gauge, Halt, Labels, Ledger, Observe, PulseSettings,
    Visitor, Watchdog,
};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestIds};
use tidegate_wire::chat::{Encode, Event, Failed};
use tidegate_wire::openai;

use super::flow::Step;
use super::{Flow, FlowSettings, Interpreter, Oddities, Reads, Reply};
use crate::dialect::Framing;
use crate::endpoint::Manner;
use crate::feed::Feed;
use crate::keys::Secrets;
use crate::request::{Request, Ticket};
use crate::settings::{Bounds, Timeouts};
use crate::upstream::Source;

/// The kinds that were counted, each as often as it was.
#[derive(Default)]
struct Counted(Vec<String>);

impl Visitor for Counted {
    fn counter(&mut self, metric: Counter, of: &Labels<'_>, n: u64) {
        assert_eq!(metric.0.name, "tidegate_upstream_oddities_total");
        self.0.extend((0..n).map(|_| of[0].1.to_owned()));
    }

    fn gauge(&mut self, metric: Gauge, _: &Labels<'_>, _: f64) {
        panic!("{metric:?} is no counter");
    }
}

/// What the caller gets of `events`, and the oddities counted.
async fn flow(events: &str) -> (String, Vec<String>) {
    let (out, counted, failed) = run(events).await;
    assert_eq!(failed, None, "{out}");
    (out, counted)
}

/// A flow with nothing that hurries it, whose caller speaks as its upstream does.
fn patient(source: Source, oddities: Oddities) -> Flow {
    let reads = Reads::Same {
        manner: Manner::OpenAi,
        withhold_usage: false,
    };
    patient_of(reads, source, oddities)
}

fn patient_of(reads: Reads, source: Source, oddities: Oddities) -> Flow {
    let clock = Clock;
    let long = Duration::from_secs(60);
    let settings = FlowSettings {
        id: None,
        timeouts: Timeouts {
            connect: long,
            first_byte: long,
            first_content: long,
            idle: long,
            total: long,
        },
        slow_after: None,
        bounds: Bounds::default(),
        prompt_bytes: 0,
        sent: clock.now(),
        total: clock.now() + long,
        shortened: false,
        secrets: Secrets::default(),
        level: Arc::default(),
        room: ByteBudget::new(1 << 30).share(),
    };
    Flow::new(settings, reads, source, Alarm::new(), clock, oddities)
}

/// A ticket of its own ledger.
fn ticket() -> (Ledger<Request>, Ticket) {
    let ledger = Ledger::new();
    let id = RequestIds::new(1).next(0);
    let entry = ledger.open(Request::new(id, "/chat/completions", Clock.now()));
    let watchdog = Watchdog::new(PulseSettings::default(), Clock);
    let pulse = watchdog.watch("request", 0, "reading", Duration::from_secs(60));
    let ticket = Ticket::new(
        entry,
        ByteBudget::new(0).share(),
        (pulse, Duration::ZERO),
        Clock,
        Arc::new(Feed::new(7, Clock)),
    );
    (ledger, ticket)
}

/// The one frame that this flow's caller gets.
async fn only_frame(flow: Flow, manner: Manner) -> String {
    let (ledger, ticket) = ticket();
    let mut reply = Reply::stream(Box::new(flow), ticket, None, manner);
    let frame = poll_fn(|cx| Pin::new(&mut reply).poll_frame(cx)).await;
    let data = frame.expect("an event").map(|frame| frame.into_data());
    let text = String::from_utf8(data.expect("no error").expect("data").to_vec()).expect("text");
    assert!(reply.is_end_stream());
    let snapshot = ledger.snapshot();
    // Without an attempt what fails is refused.
    let ended = snapshot.failed + snapshot.refused;
    assert_eq!((snapshot.in_flight, ended), (0, 1));
    text
}

/// R-D12: a panic below fails this answer, and nothing else.
#[tokio::test(start_paused = true)]
async fn r_d12_a_panic_below_ends_the_answer_with_its_event() {
    let flow = patient(Source::Panics, Oddities::default());
    let text = only_frame(flow, Manner::OpenAi).await;
    assert!(
        text.contains("\"code\":\"internal_error\"") && !text.contains("[DONE]"),
        "{text}"
    );
}

/// A writer with a defect, which shows when its stream fails.
struct Breaks;

impl Encode for Breaks {
    fn event(&mut self, _: &Event<'_>, _: &mut Vec<u8>) {}

    fn fail(&mut self, _: &Failed<'_>, _: &mut Vec<u8>) {
        panic!("a defect");
    }
}

/// R-D12: also one of whoever writes the last event of a stream that failed: its
/// caller is told of the failure all the same, plainly, in his dialect.
#[tokio::test(start_paused = true)]
async fn r_d12_a_panic_in_the_last_event_leaves_the_plain_one() {
    for (manner, told) in [
        (Manner::OpenAi, "data: {\"error\":{"),
        (Manner::Responses, "event: error\ndata: {\"type\":\"error\""),
        (Manner::Anthropic, "event: error\ndata: {\"type\":\"error\""),
    ] {
        let decode = Box::<openai::chat::Reader>::default();
        let by = Interpreter::new(decode, Box::new(Breaks), manner);
        let reads = Reads::Translated(Framing::Events, Box::new(by));
        let flow = patient_of(reads, Source::Whole(None), Oddities::default());
        let text = only_frame(flow, manner).await;
        assert!(text.starts_with(told), "{text}");
        assert_eq!(text.matches("\n\n").count(), 1, "{text}");
        assert!(text.contains("ended before its answer"), "{text}");
    }
}

/// The same, with the code of a stream that failed.
async fn run(events: &str) -> (String, Vec<String>, Option<Code>) {
    let source = Source::Whole(Some(Bytes::from(events.to_owned())));
    let oddities = Oddities::default();
    let mut flow = patient(source, oddities.clone());
    let (halt, mut out) = (Halt::new(), Vec::new());
    let failed = loop {
        match poll_fn(|cx| flow.poll_step(cx, &halt)).await {
            Step::Data(bytes) => out.extend_from_slice(&bytes),
            Step::Finished => break None,
            Step::Failed(failure) => break Some(failure.code),
        }
    };
    out.extend_from_slice(&flow.rest());
    let mut counted = Counted::default();
    oddities.observe(&[], &mut counted);
    let out = String::from_utf8(out).expect("text");
    (out, counted.0, failed)
}

/// Rows 14 and 15, INV-TRUNC: without `[DONE]` a stream of two answers is whole
/// when both of them ended; what follows the end of one begins nothing.
#[tokio::test]
async fn inv_trunc_one_of_two_choices_that_ended_is_no_end() {
    let chunk = |index: u64, reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"a\"}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let one = [chunk(0, "null"), chunk(1, "null"), chunk(0, "\"stop\"")].concat();
    let (out, _, code) = run(&one).await;
    assert_eq!(code, Some(Code::StreamTruncated), "{out}");
    assert!(!out.contains("[DONE]"), "{out}");
    let both = [one, chunk(1, "\"length\""), chunk(0, "null")].concat();
    let (out, _, code) = run(&both).await;
    assert_eq!(code, None);
    assert!(out.ends_with("[DONE]\n\n"), "{out}");
}

/// Row 16: the event that was left out may have been the end of the answer.
#[tokio::test]
async fn row_16_done_behind_a_broken_event_is_no_end_unless_one_was_told() {
    let chunk = |reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let (broken, done) = ("data: {\"usage\":{\n\n", "data: [DONE]\n\n");
    for (reason, failed) in [("null", Some(Code::UpstreamProtocol)), ("\"stop\"", None)] {
        let events = format!("{}{broken}{done}", chunk(reason));
        let (out, counted, code) = run(&events).await;
        assert_eq!(code, failed, "{reason}");
        assert_eq!(counted, ["bad_event"]);
        assert_eq!(out.contains("[DONE]"), failed.is_none(), "{out}");
    }
}

/// A stream with a call whose arguments come as `fragments`, written as they
/// stand between the quotes.
fn with_call(fragments: &[&str], reason: &str) -> String {
    let chunk = |delta: &str, reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let mut events = chunk("{\"role\":\"assistant\",\"content\":\"x\"}", "null");
    for fragment in fragments {
        let call = format!(
            "{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"name\":\"f\",\"arguments\":\"{fragment}\"}}}}]}}"
        );
        events.push_str(&chunk(&call, "null"));
    }
    events + &chunk("{}", reason) + "data: [DONE]\n\n"
}

#[tokio::test(start_paused = true)]
async fn row_23_a_cut_call_goes_on_as_it_is_and_is_counted_once() {
    let events = with_call(&["{\\\"a\\\": ", "[1,"], "\"length\"");
    let counted = vec!["tool_json_incomplete".to_owned()];
    assert_eq!(flow(&events).await, (events, counted));
}

#[tokio::test(start_paused = true)]
async fn row_23_a_whole_call_is_not_counted() {
    let events = with_call(&["{\\\"a\\\": ", "[1,", "2]}"], "\"tool_calls\"");
    assert_eq!(flow(&events).await, (events, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn row_23_a_call_too_large_to_check_goes_on_as_it_is() {
    let long = "x".repeat(40 << 10);
    let events = with_call(&["{\\\"", &long, &long], "\"length\"");
    assert_eq!(flow(&events).await, (events, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn row_23_data_on_two_lines_are_checked_too() {
    let events =
        with_call(&["{\\\"a\\\": "], "\"stop\"").replace("\"function\"", "\ndata: \"function\"");
    let counted = vec!["tool_json_incomplete".to_owned()];
    assert_eq!(flow(&events).await, (events, counted));
}
