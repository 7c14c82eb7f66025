//! What the system says of this process.

use std::sync::OnceLock;

/// When this process began, as it was computed first.
static START: OnceLock<f64> = OnceLock::new();

/// What the system says of this process; what it does not say is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// Seconds of processor time.
    pub cpu_seconds: Option<f64>,
    /// Bytes of resident memory.
    pub resident_bytes: Option<f64>,
    /// Open file descriptors.
    pub open_files: Option<f64>,
    /// How many may be open.
    pub most_files: Option<f64>,
    /// When it began, in seconds since 1970.
    pub started_at: Option<f64>,
}

impl Process {
    /// Asks Linux.
    #[cfg(target_os = "linux")]
    #[expect(clippy::cast_precision_loss, reason = "the figures are far below 2^53")]
    pub(super) fn read() -> Self {
        use procfs::{WithCurrentSystemInfo, process::LimitValue};

        let Ok(process) = procfs::process::Process::myself() else { return Self::default() };
        let stat = process.stat().ok();
        let ticks = procfs::ticks_per_second() as f64;
        let limits = process.limits().ok();
        let most_files = limits.map(|limits| match limits.max_open_files.soft_limit {
            LimitValue::Unlimited => f64::INFINITY,
            LimitValue::Value(most) => most as f64,
        });
        let started_at = once(&START, || {
            let booted_at = procfs::boot_time_secs().ok()?;
            Some(booted_at as f64 + stat.as_ref()?.starttime as f64 / ticks)
        });
        Self {
            cpu_seconds: stat.as_ref().map(|stat| (stat.utime + stat.stime) as f64 / ticks),
            resident_bytes: stat.as_ref().map(|stat| stat.rss_bytes().get() as f64),
            open_files: process.fd_count().ok().map(|count| count as f64),
            most_files,
            started_at,
        }
    }

    /// Elsewhere, where people only develop, nobody is asked.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn read() -> Self {
        Self::default()
    }
}

/// What was computed first. The time of the boot moves with the wall clock, and each thread remembers it by itself: computed anew,
/// a process that runs on would show several starts after the clock was set, and seem to crash again and again.
fn once(first: &OnceLock<f64>, compute: impl FnOnce() -> Option<f64>) -> Option<f64> {
    first.get().copied().or_else(|| compute().map(|value| *first.get_or_init(|| value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_stays_as_it_was_seen_first_whichever_thread_asks_and_whatever_the_clock_says() {
        let start = OnceLock::new();
        assert_eq!(once(&start, || None), None, "asked again later");
        let asked = |clock: u32| {
            std::thread::scope(|scope| {
                scope.spawn(|| once(&start, || Some(f64::from(clock)))).join().expect("an answer")
            })
        };
        assert_eq!([1_000, 4_600, 1_000].map(asked), [Some(1_000.0); 3]);
        assert_eq!(once(&start, || None), Some(1_000.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_thread_reads_the_same_start() {
        let here = Process::read().started_at;
        assert!(here.is_some());
        let elsewhere = std::thread::spawn(|| Process::read().started_at).join().expect("an answer");
        assert_eq!((elsewhere, START.get().copied()), (here, here));
    }
}
