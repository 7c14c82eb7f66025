//! What the operator asked of Scalingo.

use std::{collections::VecDeque, fmt, time::Duration};

use jiff::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

/// How many requests of each kind, and how close together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    exchanges: usize,
    app_lists: usize,
    lists: usize,
    additions: usize,
    deletions: usize,
    others: usize,
    busiest_minute: usize,
}

impl Requests {
    /// Counts requests by time, method and path; they come in the order of their times.
    pub fn count<'a>(requests: impl IntoIterator<Item = (Timestamp, &'a str, &'a str)>) -> Self {
        let mut counted = Self::default();
        let mut minute = VecDeque::new();
        for (at, method, path) in requests {
            let kind = match (method, path.rsplit('/').next()) {
                ("POST", Some("exchange")) => &mut counted.exchanges,
                ("GET", Some("apps")) => &mut counted.app_lists,
                ("GET", Some("log_drains")) => &mut counted.lists,
                ("POST", Some("log_drains")) => &mut counted.additions,
                ("DELETE", Some("log_drains")) => &mut counted.deletions,
                _ => &mut counted.others,
            };
            *kind += 1;
            minute.push_back(at);
            while minute.front().is_some_and(|first| at.duration_since(*first).unsigned_abs() >= MINUTE) {
                minute.pop_front();
            }
            counted.busiest_minute = counted.busiest_minute.max(minute.len());
        }
        counted
    }

    /// The most in any 60 seconds.
    pub fn busiest_minute(&self) -> usize {
        self.busiest_minute
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchanges, app_lists, lists, additions, deletions, others, .. } = self;
        let all = exchanges + app_lists + lists + additions + deletions + others;
        let kinds = [
            (exchanges, "token exchange", "token exchanges"),
            (app_lists, "list of apps", "lists of apps"),
            (lists, "list of drains", "lists of drains"),
            (additions, "addition", "additions"),
            (deletions, "deletion", "deletions"),
            (others, "other", "others"),
        ];
        write!(formatter, "{all} requests")?;
        let mut mark = ": ";
        for (count, one, many) in kinds.into_iter().filter(|(count, ..)| **count > 0) {
            write!(formatter, "{mark}{count} {}", if *count == 1 { one } else { many })?;
            mark = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn requests_are_counted_by_kind() {
        let requests = Requests::count([
            (at(0), "POST", "/v1/tokens/exchange"),
            (at(0), "GET", "/v1/apps"),
            (at(0), "GET", "/v1/apps/shop-front"),
            (at(1), "GET", "/v1/apps/1/log_drains"),
            (at(2), "GET", "/v1/apps/1/addons/2/log_drains"),
            (at(2), "POST", "/v1/apps/1/log_drains"),
            (at(3), "DELETE", "/v1/apps/1/log_drains"),
        ]);
        assert_eq!(
            requests.to_string(),
            "7 requests: 1 token exchange, 1 list of apps, 2 lists of drains, 1 addition, 1 deletion, 1 other"
        );
        assert_eq!(Requests::count([]).to_string(), "0 requests");
    }

    #[test]
    fn the_busiest_minute_may_begin_at_any_moment() {
        let times = [0, 50, 59, 61, 109, 110, 200];
        let requests = Requests::count(times.map(|second| (at(second), "GET", "/v1/apps")));
        assert_eq!(requests.busiest_minute(), 4, "50, 59, 61 and 109, but not 110");
        assert_eq!(Requests::count([]).busiest_minute(), 0);
    }
}
