//! Waiting for what is going to happen.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until there is what is looked for, and gives it. Fails after this patience with what `describe` says;
/// the last look is after it, so that a machine that stood still meanwhile is forgiven.
pub async fn eventually<T>(
    patience: Duration,
    describe: impl FnOnce() -> String,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        let is_last = begun.elapsed() >= patience;
        if let Some(found) = probe().await {
            return found;
        }
        assert!(!is_last, "{} s are over: {}", patience.as_secs(), describe());
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same for a condition.
pub async fn until(patience: Duration, describe: impl FnOnce() -> String, mut is_so: impl FnMut() -> bool) {
    eventually(patience, describe, async || is_so().then_some(())).await;
}
