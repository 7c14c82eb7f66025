//! Durations, as people write and read them.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo, fmt::friendly::SpanPrinter};

/// Reads a duration with units from the longest to the shortest, such as `90s` or `1h 30m`. A day has 24 hours.
///
/// # Errors
/// For any other text. A negative duration is read: the caller has to refuse it.
pub fn read(text: &str) -> Result<SignedDuration, jiff::Error> {
    text.trim().parse::<Span>()?.to_duration(SpanRelativeTo::days_are_24_hours())
}

/// The duration as [`read`] takes it, such as `1h 30m`.
#[must_use]
pub fn shown(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}
