//! What the system says of this process.

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
        let started_at = stat.as_ref().and_then(|stat| {
            let booted_at = procfs::boot_time_secs().ok()?;
            Some(booted_at as f64 + stat.starttime as f64 / ticks)
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
