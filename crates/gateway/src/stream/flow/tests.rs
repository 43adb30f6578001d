//! What a flow keeps and how it ends, step by step; whole streams stand in the
//! tests of `stream`.

use std::task::Waker;

use kernel::ByteBudget;
use tidegate_wire::chat::Encode;
use tidegate_wire::{anthropic, openai, responses};

use super::*;
use crate::dialect::Framing;
use crate::endpoint::Manner;
use crate::stream::Interpreter;

fn flow() -> Flow {
    flow_of(Reads::Same {
        manner: Manner::OpenAi,
        withhold_usage: false,
    })
}

fn flow_of(reads: Reads) -> Flow {
    let (clock, long) = (Clock, Duration::from_secs(60));
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
    let source = Source::Whole(None);
    Flow::new(
        settings,
        reads,
        source,
        Alarm::new(),
        clock,
        Oddities::default(),
    )
}

/// R-D2: what is left out is not kept either, however much of it comes.
#[tokio::test(start_paused = true)]
async fn comments_without_end_leave_no_bytes_behind() {
    let mut flow = flow();
    let comments = ": still here\n\n".repeat(100);
    for _ in 0..100 {
        // The last one is cut, so that an unfinished event stays each time.
        assert!(flow.take_in(&comments.as_bytes()[..1_399]).is_none());
        assert!(flow.take_in(b"\n").is_none());
    }
    assert_eq!(flow.reading.kept(), 0);
    assert_eq!(flow.reading.held(), 0);
}

/// INV-ONE: `[DONE]` is the one end, whoever halts the request behind it.
#[tokio::test(start_paused = true)]
async fn a_halt_behind_done_adds_no_second_end() {
    let (mut flow, halt) = (flow(), Halt::new());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(flow.take_in(sse::DONE).is_none());
    halt.pull(Why::Shutdown);
    let step = flow.poll_step(&mut cx, &halt);
    assert!(matches!(step, Poll::Ready(Step::Finished)));
    assert_eq!(flow.rest(), sse::DONE);
    assert!(matches!(
        flow.poll_timers(&mut cx, &halt, None),
        Poll::Pending
    ));
}

/// R-P7: an upstream that only says that it is there stands still.
#[tokio::test(start_paused = true)]
async fn r_p7_comments_do_not_put_the_idle_time_off() {
    let (mut flow, halt) = (flow(), Halt::new());
    let mut cx = Context::from_waker(Waker::noop());
    flow.settings.total += Duration::from_secs(600);
    let content = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    assert!(flow.take_in(content).is_none() && flow.reading.content());
    for _ in 0..6 {
        flow.clock.sleep(Duration::from_secs(10)).await;
        assert!(flow.take_in(b": still here\n\n").is_none());
    }
    let Poll::Ready(Some(failure)) = flow.poll_timers(&mut cx, &halt, None) else {
        panic!("it goes on");
    };
    assert_eq!(failure.code, Code::StreamIdleTimeout);
}

/// A flow of OpenAI's chunks for a caller of another dialect.
fn translated(writer: Box<dyn Encode>, manner: Manner) -> Flow {
    let decode = Box::<openai::chat::Reader>::default();
    let by = Interpreter::new(decode, writer, manner);
    flow_of(Reads::Translated(Framing::Events, Box::new(by)))
}

const CHUNK: &[u8] = b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";

/// INV-ONE: an operator who was told that he ends it does so before the end goes
/// out, and its caller is told, in whichever dialect he is.
#[tokio::test(start_paused = true)]
async fn an_end_that_an_operator_takes_back_is_told_as_a_failure() {
    let asked = openai::chat::Asked {
        id: "c",
        created: 1,
        usage: false,
        model: "m",
    };
    let answers: [(Box<dyn Encode>, Manner, &str); 3] = [
        (
            Box::new(openai::chat::Writer::new(&asked)),
            Manner::OpenAi,
            "[DONE]",
        ),
        (
            Box::new(anthropic::Writer::new("msg_1")),
            Manner::Anthropic,
            "message_stop",
        ),
        (
            Box::new(responses::Writer::new(
                responses::Asked::read(b"{}", 1, 1),
                1 << 20,
            )),
            Manner::Responses,
            "response.completed",
        ),
    ];
    for (writer, manner, end) in answers {
        let (mut flow, halt) = (translated(writer, manner), Halt::new());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(flow.take_in(CHUNK).is_none());
        assert!(flow.take_in(sse::DONE).is_none());
        halt.pull(Why::Operator);
        let Poll::Ready(Step::Failed(failure)) = flow.poll_step(&mut cx, &halt) else {
            panic!("it goes on");
        };
        assert_eq!(failure.code, Code::CancelledByOperator);
        let mut last = flow.rest().to_vec();
        last.extend_from_slice(&flow.parting(&failure));
        let last = String::from_utf8(last).unwrap();
        assert!(last.contains("error"), "{manner:?}: {last:?}");
        assert!(!last.contains(end), "{manner:?}: {last:?}");
        assert!(flow.parting(&failure).is_empty(), "once");
    }
}

/// Row 16: in translation, too, what was left out may have told the end. A bare end
/// mark behind it is none, and neither is the end of the body.
#[tokio::test(start_paused = true)]
async fn row_16_no_end_is_believed_behind_a_stray_frame_unless_one_was_told() {
    for (reason, told) in [("null", false), ("\"stop\"", true)] {
        for body_ends in [false, true] {
            let writer = Box::new(anthropic::Writer::new("msg_1"));
            let mut flow = translated(writer, Manner::Anthropic);
            let chunk = String::from_utf8_lossy(CHUNK).replace("\"stop\"", reason);
            assert!(flow.take_in(chunk.as_bytes()).is_none());
            assert!(flow.take_in(b"data: {oops\n\n").is_none(), "left out");
            let ended = match body_ends {
                true => Some(flow.upstream_ended()),
                false => flow.take_in(sse::DONE),
            };
            let code = match ended {
                Some(Filled::Failed(failure)) => Some(failure.code),
                _ => None,
            };
            let believed = told && !body_ends;
            let wanted = (!believed).then_some(Code::UpstreamProtocol);
            assert_eq!(code, wanted, "{reason} {body_ends}");
        }
    }
}

/// A failure behind an end that was taken back has the number of the event that its
/// caller gets next, and no other: what was taken back did not count.
#[tokio::test(start_paused = true)]
async fn a_failure_behind_an_end_that_was_taken_back_goes_on_counting() {
    let asked = responses::Asked::read(b"{}", 1, 1);
    let writer = Box::new(responses::Writer::new(asked, 1 << 20));
    let (mut flow, halt) = (translated(writer, Manner::Responses), Halt::new());
    let mut cx = Context::from_waker(Waker::noop());
    // Nothing more comes for now.
    flow.source = Some(Source::Silent);
    assert!(flow.take_in(CHUNK).is_none());
    let Poll::Ready(Step::Data(begun)) = flow.poll_step(&mut cx, &halt) else {
        panic!("it has content");
    };
    let begun = String::from_utf8(begun.to_vec()).unwrap();
    assert!(flow.take_in(sse::DONE).is_none());
    halt.pull(Why::Operator);
    let Poll::Ready(Step::Failed(failure)) = flow.poll_step(&mut cx, &halt) else {
        panic!("it goes on");
    };
    assert!(flow.rest().is_empty());
    let last = String::from_utf8(flow.parting(&failure).to_vec()).unwrap();
    let number = format!("\"sequence_number\":{}", begun.matches("event: ").count());
    assert!(last.contains(&number) && !begun.contains(&number), "{last}");
}

/// INV-ONE: behind the end there is no room to be asked for.
#[tokio::test(start_paused = true)]
async fn want_of_room_behind_the_end_is_no_second_end() {
    let mut flow = flow();
    flow.settings.room = ByteBudget::new(1).share();
    let whole: Vec<u8> = [&CHUNK.repeat(400)[..], sse::DONE].concat();
    flow.source = Some(Source::Whole(Some(whole.into())));
    let mut cx = Context::from_waker(Waker::noop());
    let filled = flow.fill(&mut cx);
    assert!(!matches!(filled, Filled::Failed(_)));
}
