//! All of 1, 3, 10 and 100 pieces that give way once, and the first of as many
//! of which the others never end; beside them a set of tasks of the runtime
//! under a timeout, which must own what it asks and names nobody.

use std::future::pending;
use std::time::Duration;

use divan::counter::ItemsCount;
use tidegate_kernel::{Clock, Deadline, Gather, Scope};
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};
use tokio::time::error::Elapsed;

const PIECES: [usize; 4] = [1, 3, 10, 100];
const FAR: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// Piece `n` of those of which `all` or the first one ends.
async fn piece(n: usize, all: bool) -> Result<usize, ()> {
    yield_now().await;
    if !all && n > 0 {
        pending::<()>().await;
    }
    Ok(n)
}

fn gather(scope: &Scope, n: usize, all: bool) -> Gather<'static, usize, ()> {
    let mut gather = Gather::new(scope, "bench");
    for n in 0..n {
        gather.add("piece", move |_| piece(n, all));
    }
    gather
}

#[divan::bench(args = PIECES)]
fn gather_all(bencher: divan::Bencher<'_, '_>, n: usize) {
    let (runtime, scope) = (runtime(), Scope::root("bench", 1000));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let by = || Deadline::after(Clock, FAR);
        let gathered = runtime.block_on(async { gather(&scope, n, true).all(by()).await });
        assert_eq!(gathered.good().count(), n);
    });
}

#[divan::bench(args = PIECES)]
fn gather_first(bencher: divan::Bencher<'_, '_>, n: usize) {
    let (runtime, scope) = (runtime(), Scope::root("bench", 1000));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let by = || Deadline::after(Clock, FAR);
        let first = runtime.block_on(async { gather(&scope, n, false).first(by()).await });
        assert_eq!(first.unwrap().value, 0);
    });
}

#[expect(clippy::disallowed_methods, reason = "the plain tool to compare with")]
async fn within<T>(work: impl Future<Output = T>) -> Result<T, Elapsed> {
    tokio::time::timeout(FAR, work).await
}

fn tasks(n: usize, all: bool) -> JoinSet<Result<usize, ()>> {
    (0..n).map(|n| piece(n, all)).collect()
}

#[divan::bench(args = PIECES)]
fn plain_join_set_all(bencher: divan::Bencher<'_, '_>, n: usize) {
    let runtime = runtime();
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let ended = runtime.block_on(async { within(tasks(n, true).join_all()).await });
        assert_eq!(ended.unwrap().len(), n);
    });
}

#[divan::bench(args = PIECES)]
fn plain_join_set_first(bencher: divan::Bencher<'_, '_>, n: usize) {
    let runtime = runtime();
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let first = runtime.block_on(async {
            let mut tasks = tasks(n, false);
            let first = within(tasks.join_next()).await;
            // As a gathering does: it ends when all of its pieces are gone.
            tasks.shutdown().await;
            first
        });
        assert_eq!(first.unwrap().unwrap().unwrap(), Ok(0));
    });
}
