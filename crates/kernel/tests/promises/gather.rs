//! The first good, all, or so many: R-P4, R-P34, R-P35, R-G22, R-G23, R-G25 to
//! R-G27, R-M8, R-M32, R-D12.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidegate_kernel::gather::Stop;
use tidegate_kernel::{Clock, Deadline, Exit, Gather, Piece, PieceExit, Scope, Why};

const MS: Duration = Duration::from_millis(1);

type Answers<'a> = Gather<'a, &'static str, String>;

fn far() -> Deadline {
    Deadline::after(Clock, 10_000 * MS)
}

/// Adds one that gives this answer after so many milliseconds.
fn ask(gather: &mut Answers<'_>, name: &str, after: u32, answer: Result<&'static str, &str>) {
    let answer = answer.map_err(str::to_owned);
    gather.add(name, move |_| async move {
        Clock.sleep(after * MS).await;
        answer
    });
}

fn exits<T: Clone, E: Clone>(pieces: &[Piece<T, E>]) -> Vec<PieceExit<T, E>> {
    pieces.iter().map(|piece| piece.exit.clone()).collect()
}

/// R-G23: the failed are skipped, and told.
#[tokio::test(start_paused = true)]
async fn r_g27_the_first_good_ends_it_and_the_failed_are_skipped_and_told() {
    let scope = Scope::root("test", 10);
    let mut gather = Answers::new(&scope, "ask");
    ask(&mut gather, "slow", 800, Ok("late"));
    ask(&mut gather, "broken", 5, Err("no"));
    ask(&mut gather, "quick", 10, Ok("soon"));
    let start = Clock.now();
    let first = gather.first(far()).await.expect("one is good");
    assert_eq!((first.value, &*first.name), ("soon", "quick"));
    assert_eq!(Clock.now() - start, 10 * MS);
    let failed = PieceExit::Failed("no".to_owned());
    assert_eq!(exits(&first.others), [PieceExit::Unfinished, failed]);
    assert_eq!(scope.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn r_g26_no_good_one_at_all_is_an_error_that_names_each() {
    let scope = Scope::root("test", 10);
    let mut gather = Answers::new(&scope, "ask");
    ask(&mut gather, "one", 5, Err("401"));
    gather.add("two", |_| async { panic!("a defect") });
    ask(&mut gather, "three", 20, Err("503"));
    let start = Clock.now();
    let short = gather.first(far()).await.expect_err("none is good");
    assert_eq!(Clock.now() - start, 20 * MS);
    assert_eq!(
        short.to_string(),
        "0 of 1 good (out_of_reach); one: 401; two: panicked: a defect; three: 503"
    );
    let mut gather = Answers::new(&scope, "ask");
    ask(&mut gather, "stuck", 99_999, Ok("never"));
    let short = gather.first(far()).await.expect_err("none is good");
    assert_eq!(
        short.to_string(),
        "0 of 1 good (deadline); stuck: did not end"
    );
    let none = Answers::new(&scope, "ask").first(far()).await;
    let stop = none.expect_err("nobody was asked").gathered.stop;
    assert_eq!(stop, Stop::OutOfReach);
}

#[tokio::test(start_paused = true)]
async fn r_p4_r_p34_r_g22_all_errors_are_there_after_all_have_ended() {
    let scope = Scope::root("test", 10);
    let ended = AtomicU32::new(0);
    let ended = &ended;
    let mut gather = Gather::new(&scope, "load");
    for n in 0..20_u32 {
        // It borrows from its caller, which a task could not.
        gather.add(n.to_string(), move |_| async move {
            Clock.sleep((n * 7 % 20) * MS).await;
            ended.fetch_add(1, Ordering::Relaxed);
            if n % 3 == 0 { Err(n) } else { Ok(n) }
        });
    }
    let start = Clock.now();
    let gathered = gather.all(far()).await;
    // The time of the slowest, not the sum.
    assert_eq!(Clock.now() - start, 19 * MS);
    assert_eq!(
        (gathered.stop, gathered.is_partial()),
        (Stop::Reached, false)
    );
    assert_eq!(ended.load(Ordering::Relaxed), 20);
    let errors: Vec<u32> = gathered.errors().map(|(_, n)| *n).collect();
    assert_eq!(errors, [0, 3, 6, 9, 12, 15, 18]);
    assert_eq!(
        (gathered.good().count(), gathered.first_error),
        (13, Some(0))
    );
    let names: Vec<&str> = gathered.good().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["1", "2", "4"]);
}

#[tokio::test(start_paused = true)]
async fn r_p35_r_m32_the_first_error_ends_the_others_and_is_the_one_returned() {
    let scope = Scope::root("test", 10);
    let mut gather = Answers::new(&scope, "ask");
    ask(&mut gather, "later error", 20, Err("second"));
    ask(&mut gather, "first error", 10, Err("first"));
    ask(&mut gather, "done", 5, Ok("good"));
    ask(&mut gather, "stuck", 9999, Ok("never"));
    let start = Clock.now();
    let short = gather.all_good(far()).await.expect_err("two fail");
    assert_eq!(Clock.now() - start, 10 * MS);
    let gathered = short.gathered;
    let first = gathered.first_error.map(|n| &gathered.pieces[n].exit);
    assert_eq!(first, Some(&PieceExit::Failed("first".to_owned())));
    assert!(gathered.is_partial());
    let good: Vec<_> = gathered.good().collect();
    assert_eq!(good, [("done", &"good")], "what was there is kept");

    let mut gather = Answers::new(&scope, "ask");
    ask(&mut gather, "slow", 9, Ok("a"));
    ask(&mut gather, "quick", 1, Ok("b"));
    let all = gather.all_good(far()).await.expect("all are good");
    assert_eq!(all, ["a", "b"], "in the order of the input");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_ends_when_it_is_reached_or_out_of_reach_and_keeps_what_is_there() {
    let scope = Scope::root("test", 10);
    let quorum = async |wanted, third: Result<&'static str, &str>| {
        let mut gather = Answers::new(&scope, "ask");
        ask(&mut gather, "a", 30, Ok("a"));
        ask(&mut gather, "b", 10, Ok("b"));
        ask(&mut gather, "c", 20, third);
        ask(&mut gather, "d", 40, Err("no"));
        let start = Clock.now();
        let end = gather.quorum(wanted, far()).await;
        (end, (Clock.now() - start).as_millis())
    };
    let (reached, took) = quorum(2, Ok("c")).await;
    let reached = reached.expect("two are good");
    assert_eq!((reached.stop, took), (Stop::Reached, 20));
    let (a, d) = (PieceExit::Unfinished, PieceExit::Unfinished);
    let expected = [a, PieceExit::Good("b"), PieceExit::Good("c"), d];
    assert_eq!(exits(&reached.pieces), expected);
    let (short, took) = quorum(4, Err("no")).await;
    let short = short.expect_err("three at most");
    assert_eq!((short.gathered.stop, took), (Stop::OutOfReach, 20));
    assert_eq!(short.gathered.good().count(), 1);
    let (short, took) = quorum(5, Ok("c")).await;
    assert!(short.is_err() && took == 0, "more than there are");
    let (reached, took) = quorum(0, Ok("c")).await;
    assert!(reached.is_ok() && took == 0, "nobody has to be asked");
}

#[tokio::test(start_paused = true)]
async fn r_g24_deadline_and_cancel_give_what_is_there_at_once_and_the_reason() {
    let root = Scope::root("test", 10);
    let gather = |scope: &Scope| {
        let mut gather = Answers::new(scope, "ask");
        ask(&mut gather, "quick", 10, Ok("soon"));
        ask(&mut gather, "slow", 800, Ok("late"));
        gather
    };
    let expected = [PieceExit::Good("soon"), PieceExit::Unfinished];
    let start = Clock.now();
    let by = Deadline::after(Clock, 200 * MS);
    let gathered = gather(&root).all(by).await;
    assert_eq!(Clock.now() - start, 200 * MS);
    assert_eq!(
        (gathered.stop, gathered.is_partial()),
        (Stop::Deadline, true)
    );
    assert_eq!(exits(&gathered.pieces), expected);

    let scope = root.child("request");
    let canceller = scope.clone();
    let cancel = root.spawn("cancel", async move {
        Clock.sleep(50 * MS).await;
        canceller.cancel(Why::Caller);
    });
    let start = Clock.now();
    let short = gather(&scope).quorum(2, far()).await;
    assert_eq!(Clock.now() - start, 50 * MS);
    let gathered = short.expect_err("cancelled").gathered;
    assert_eq!(gathered.stop, Stop::Cancelled(Why::Caller));
    assert_eq!(exits(&gathered.pieces), expected);
    assert!(cancel.expect("room").await.is_done());

    // Cancelled, or too late, before it began: nobody is asked.
    let touched = AtomicU32::new(0);
    for (scope, by, stop) in [
        (&scope, far(), Stop::Cancelled(Why::Caller)),
        (&root, Deadline::at(Clock.now()), Stop::Deadline),
    ] {
        let mut gather = Gather::<(), ()>::new(scope, "ask");
        gather.add("one", |_| {
            touched.fetch_add(1, Ordering::Relaxed);
            pending()
        });
        assert_eq!(gather.all(by).await.stop, stop);
    }
    assert_eq!(touched.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn r_m8_one_event_reaches_all_and_a_stuck_one_times_out_alone() {
    let scope = Scope::root("test", 10);
    let mut gather = Gather::<u32, &str>::new(&scope, "processors");
    for n in 0..5 {
        gather.add(n.to_string(), move |scope| async move {
            let one_second = Deadline::after(Clock, 1000 * MS);
            let work = async {
                if n == 2 {
                    pending::<()>().await;
                }
                Clock.sleep(n * 10 * MS).await;
            };
            match scope.run(one_second, work).await {
                Exit::Done(()) => Ok(n),
                Exit::TimedOut => Err("timed out"),
                other => panic!("{other:?}"),
            }
        });
    }
    let gathered = gather.all(far()).await;
    let good: Vec<u32> = gathered.good().map(|(_, n)| *n).collect();
    assert_eq!(good, [0, 1, 3, 4]);
    let errors: Vec<_> = gathered.errors().collect();
    assert_eq!(errors, [("2", &"timed out")]);
}

#[tokio::test(start_paused = true)]
async fn regression_r_g25_a_thousand_runs_of_two_groups_at_once_give_the_same_answers() {
    let scope = Scope::root("test", 10);
    let group = async |seed: u32, salt: &'static str| {
        let mut gather = Answers::new(&scope, "consensus");
        for n in 0..6_u32 {
            let answer = if n % 3 == 0 { Err(salt) } else { Ok(salt) };
            // They come in another order each time.
            ask(&mut gather, "model", (seed * 31 + n * seed) % 17, answer);
        }
        let gathered = gather.all(far()).await;
        exits(&gathered.pieces)
    };
    let expected = |salt: &'static str| {
        let (good, bad) = (PieceExit::Good(salt), PieceExit::Failed(salt.to_owned()));
        [&bad, &good, &good, &bad, &good, &good].map(Clone::clone)
    };
    for seed in 0..1000 {
        let (one, two) = tokio::join!(group(seed, "one"), group(seed + 7, "two"));
        assert_eq!(
            (&one[..], &two[..]),
            (&expected("one")[..], &expected("two")[..])
        );
    }
}
