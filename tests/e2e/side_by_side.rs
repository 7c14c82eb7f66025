//! Rows of one test at the same time.

use std::{
    panic::resume_unwind,
    thread::{self, ScopedJoinHandle},
};

/// Runs each row on a thread of its own. A row that waits for `kubectl` must not delay the others: the operator gives up a
/// request that a row holds back for too long. Panics as the first row that did.
pub fn side_by_side<T, F>(rows: impl IntoIterator<Item = T>, test: impl Fn(T) -> F + Sync)
where
    T: Send,
    F: Future<Output = ()>,
{
    let run = |row| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(test(row));
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = rows.into_iter().map(|row| scope.spawn(move || run(row))).collect();
        let ends: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
        if let Some(panic) = ends.into_iter().find_map(Result::err) {
            resume_unwind(panic);
        }
    });
}
