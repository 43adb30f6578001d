//! `[routes.NAME]`: names that stand for several targets.
//!
//! Who is asked of them is the gateway's.

use super::*;

const FILE: &str = r#"[routes.fast]
strategy = "latency"
steps = [[{ target = "sim/sim-0-20-0-4", weight = 3 }, { target = "sim/sim-50-20-0-4" }], [{ target = "sim/echo" }]]
[routes."team/alias"]
target = "sim/echo"
fallback_on = ["failure", "refusal"]
slow_after = "3s"
wait_out = true
"#;

#[test]
fn the_example_of_the_issue_is_read_as_it_stands() {
    let loaded = read(FILE).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let [(fast, first), (alias, second)] = &loaded.config.routes[..] else {
        panic!("{:?}", loaded.config.routes)
    };
    assert_eq!((&**fast, &**alias), ("fast", "team/alias"));
    assert_eq!(first.strategy, super::super::Strategy::Latency);
    let weights = |step: &Vec<RouteTarget>| -> Vec<(String, u32)> {
        let pairs = step.iter().map(|one| (one.target.clone(), one.weight));
        pairs.collect()
    };
    let steps: Vec<_> = first.all_steps().iter().map(weights).collect();
    let of = |name: &str, weight| (name.to_owned(), weight);
    let wanted = [
        vec![of("sim/sim-0-20-0-4", 3), of("sim/sim-50-20-0-4", 1)],
        vec![of("sim/echo", 1)],
    ];
    assert_eq!(steps, wanted);
    let steps: Vec<_> = second.all_steps().iter().map(weights).collect();
    assert_eq!(steps, [[of("sim/echo", 1)]]);
    assert_eq!(
        second.fallback_on,
        [FallbackOn::Failure, FallbackOn::Refusal]
    );
    assert_eq!(second.slow_after, Some(Duration::from_secs(3)));
    assert!(second.wait_out && !first.wait_out);
}

#[test]
fn what_leads_nowhere_is_refused_with_its_place() {
    for (file, told) in [
        (
            "[routes.x]\nsteps = [[{ target = \"smi/echo\" }]]\n",
            "error 2:22 routes.x.steps[0][0].target names no provider",
        ),
        (
            "[routes.x]\nsteps = [[{ target = \"echo\" }]]\n",
            "error 2:22 routes.x.steps[0][0].target cannot be read",
        ),
        (
            "[routes.x]\nstrategy = \"cost\"\n",
            "error 1:1 routes.x has no target",
        ),
        (
            "[routes.x]\ntarget = \"sim/echo\"\nsteps = [[{ target = \"sim/echo\" }]]\n",
            "error 3:9 routes.x.steps stands beside `target`",
        ),
        (
            "[routes.x]\nsteps = []\n",
            "error 2:9 routes.x.steps is empty",
        ),
        (
            "[routes.x]\nsteps = [[{ target = \"sim/echo\", weight = 0 }]]\n",
            "error 2:43 routes.x.steps[0][0].weight is out of range",
        ),
    ] {
        assert_eq!(refused(file), [told]);
    }
}

#[test]
fn what_is_printed_reads_the_same() {
    let (before, printed) = load_effective(source(FILE), &env(&[])).unwrap();
    let printed = printed.to_toml();
    let after = read(&printed).unwrap();
    let all = |loaded: &Loaded| format!("{:?}", loaded.config.routes);
    assert_eq!(all(&after), all(&before), "{printed}");
}
