//! The watchdog against real programs: promise 2 (a hang ends and is named)
//! and promise 3 (its children end with it). Times are generous; they only
//! have to be far below the sleeps of the children.

use super::*;

/// What the children say here must not look like the words of a test runner.
fn run(command: &mut Command, limits: Limits) -> Outcome {
    run_into(command, limits, io::sink(), io::sink())
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn limits(total_ms: u64, silence_ms: Option<u64>) -> Limits {
    let silence = silence_ms.map(Duration::from_millis);
    Limits {
        total: Duration::from_millis(total_ms),
        silence,
    }
}

#[test]
fn an_ordinary_end_is_passed_on() {
    assert_eq!(
        run(&mut shell("echo fine"), limits(60_000, Some(60_000))),
        Ok(())
    );
    let problem = run(&mut shell("exit 4"), limits(60_000, None)).unwrap_err();
    assert!(problem.contains("exit status: 4"), "{problem}");
}

#[test]
fn what_is_overheard_is_whole_and_a_hang_has_no_status() {
    let minute = Duration::from_secs(60);
    let heard = overhear(&mut shell("printf 'a\\nb'; echo c >&2; exit 4"), minute).unwrap();
    assert_eq!((heard.out.as_str(), heard.err.as_str()), ("a\nb", "c\n"));
    assert_eq!(heard.status.and_then(|status| status.code()), Some(4));
    let limit = Duration::from_millis(300);
    let heard = overhear(&mut shell("echo begun; sleep 100"), limit).unwrap();
    assert_eq!((heard.out.as_str(), heard.status), ("begun\n", None));
}

#[test]
fn a_silent_program_is_killed_and_the_running_test_is_named() {
    let watch = Stopwatch::start();
    let script = "echo 'test turns::overlap has been running for over 60 seconds'; sleep 100";
    let problem = run(&mut shell(script), limits(60_000, Some(300))).unwrap_err();
    assert!(problem.contains("said nothing"), "{problem}");
    assert!(problem.contains("turns::overlap"), "{problem}");
    assert!(watch.elapsed() < Duration::from_secs(50));
}

#[test]
fn a_busy_program_is_killed_at_the_total() {
    let script = "while :; do echo noise; sleep 0.05; done";
    let problem = run(&mut shell(script), limits(500, Some(60_000))).unwrap_err();
    assert!(problem.contains("took longer"), "{problem}");
}

#[test]
fn a_grandchild_dies_with_the_child() {
    let folder = std::env::temp_dir().join(format!("xtask-watch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let note = folder.join("pid");
    let script = format!("sh -c 'echo $$ > {}; sleep 100; :' & wait", note.display());
    run(&mut shell(&script), limits(500, None)).unwrap_err();
    let pid: u32 = std::fs::read_to_string(&note)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(processes::ends(pid), "process {pid} outlived its parent");
}
