//! The words around the figures in `docs/benchmarks.md`: how to repeat them, how they
//! are measured, and how far to trust them. A change of the method changes them too.

/// Above the figures.
pub(crate) const OPENING: &str = "\
# Benchmarks

Tidegate beside plain nginx and beside the bare upstream, driven in one run on one
machine. Written by `cargo xtask bench`; not edited by hand.
";

/// Below the figures.
pub(crate) const METHOD: &str = "\
## How to repeat it

```
apt-get install -y nginx-light     # Debian; the benchmark installs nothing itself
cargo xtask bench                  # about five minutes; writes this page
cargo xtask bench --quick          # about 45 seconds; prints only
cargo xtask bench --only burst     # one row: unary, burst, paced, prompt, open,
                                   # streams, ready, ask, reload, nouns, pairs
```

Nothing else should run on the machine meanwhile.

## How it is measured

- **Three processes, one run.** The simulated upstream (`tidegate sim`), nginx as a
  proxy in front of it, and Tidegate in front of it as it ships: release build, one
  configured provider, a pool of 2,500, nothing switched off. All stand at once; the
  idle ones wait. nginx has kept connections on both sides, `proxy_buffering off`,
  `tcp_nodelay on`, no access log, and one worker a core, as Tidegate's runtime has.
- **To and fro.** Each round drives direct, nginx and Tidegate, in another order each
  time. A figure is the median of the rounds; the CPU ratio is the median of the
  ratios of each round, with the least and the most beside it.
- **CPU** is user + system time of the process and its children, by the kernel's own
  account in nanoseconds, divided by right answers. It includes the work that the
  kernel does for its sockets. It is the steadiest figure on a shared machine.
- **Latency** is from the start of the call to the last byte, exact percentiles. *Added*
  is the difference to the same percentile of the direct way. In the open loop calls
  begin at fixed moments whatever the answers do, and the latency counts from the
  intended start, so a stall cannot hide the calls that it keeps waiting.
- **Memory** is `VmRSS` and its peak `VmHWM`. For the slow streams both start anew and
  are warmed; a stream's share is what the process grew by while all were open,
  divided by their number.
- **Ready** is from the start of the process to the first `/readyz` that says 200.
- **Ask** asks one Tidegate the same question by turns: over a plain connection, until
  its first event, and by `tidegate ask`, from the start of that process to its first
  byte. What is added is the difference of the medians; it holds the start of a
  process, which a shell pays for every command.
- **Reload** is a process of its own with 200 providers. Each of its files says of every
  provider another address, other permits and other models, and is renamed over the one
  before. The work is what the process says of itself (`took_us` in its log): reading,
  checking and swapping. The whole way is from the rename to the new generation on
  `/admin/v1/config`, asked for every 2 ms. In it are the 75 ms for which a file must
  have been left alone before it is read: those are meant, and count against no goal.
- **Answers are checked.** Status 200, the number of events that the upstream sends
  (asked of it once a row), `[DONE]` as the last, no error event, the size of the body,
  and the upstream must have seen every call that was answered. A wrong answer counts
  as wrong, never as a latency, and makes the run fail.

## Limits

- The load generator, the upstream and the measured process share the cores. Requests
  a second and the tails say as much about that sharing as about the gateway; CPU
  for an answer does not depend on it much, batching under load excepted.
- Loopback has no loss, no delay and no TLS.
- nginx does much less: no admission, no queue, no accounting, no reading of events.
  It is the yardstick because it is the least that a proxy can cost.
- nginx's memory is summed over its processes; pages that they share count in each.
- The simulated upstream is deterministic; a real model's gaps are longer, and then
  hundreds of streams wait where here tens are busy.
- A 99.9th percentile is shown only for rounds of at least 1,000 answers, and even
  then rests on few of them.
";
