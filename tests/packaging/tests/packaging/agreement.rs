//! The chart refuses what the operator would refuse at its start, and nothing else.

use std::ffi::OsString;

use logdrain_operator::config::parse;
use packaging::Helm;
use serde_json::{Value, json};

use super::cluster::{HOME, render};

/// What the operator says of these flags.
fn operator(flags: &[String]) -> Result<(), String> {
    let command_line = ["logdrain-operator".to_owned(), "run".to_owned()].into_iter().chain(flags.to_vec());
    parse(command_line.map(OsString::from)).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_lease_is_taken_where_the_operator_takes_it() {
    let helm = Helm::new(None).unwrap();
    let (longest, longer) = ("a".repeat(63), "a".repeat(64));
    let mut taken = 0;
    for (value, flag) in [("leaseName", "--lease-name"), ("leaseNamespace", "--lease-namespace")] {
        for text in ["drains", "2", "a-1", "drains.shop", "-a", "a-", "Drains", "a b", &longest, &longer] {
            let is_taken = operator(&[format!("{flag}={text}")]).is_ok();
            let values = json!({"leaderElection": {value: text}});
            let rendered = render(&helm, "logdrain-operator", HOME, &values);
            assert_eq!(rendered.is_ok(), is_taken, "{value} {text}: {:?}", rendered.err());
            taken += usize::from(is_taken);
        }
    }
    assert_eq!(taken, 2 * 4);
}

/// Values, the same as flags, and what the chart says where the operator refuses them.
fn combinations() -> Vec<(Value, Vec<&'static str>, Option<&'static str>)> {
    let lease = |duration: &str, deadline: &str, period: &str| json!({"leaderElection": {"leaseDuration": duration, "renewDeadline": deadline, "retryPeriod": period}});
    let times = Some("must be longer than renewDeadline");
    let plain = Some("sends credentials unencrypted: use https://, or set allowHttp to true");
    vec![
        (json!({"resync": "24h"}), vec!["--resync=24h"], None),
        (json!({"resync": "1s"}), vec!["--resync=1s"], None),
        (json!({"resync": "0s"}), vec!["--resync=0s"], Some("resync is 0s: it may be from 1s to 24h.")),
        (json!({"resync": "24h1s"}), vec!["--resync=24h1s"], Some("resync is 24h1s: it may be")),
        (json!({"sweepInterval": "25h"}), vec!["--sweep-interval=25h"], Some("sweepInterval is 25h")),
        (json!({"sweepInterval": "10m"}), vec!["--sweep-interval=10m"], None),
        (
            json!({"sweepInterval": "9m59s"}),
            vec!["--sweep-interval=9m59s"],
            Some("sweepInterval (9m59s) is shorter than resync (10m): make one longer or the other shorter."),
        ),
        (
            json!({"resync": "1h30m", "sweepInterval": "80m"}),
            vec!["--resync=1h30m", "--sweep-interval=80m"],
            Some("sweepInterval (80m) is shorter than resync (1h30m)"),
        ),
        (
            json!({"resync": "08m", "sweepInterval": "480s"}),
            vec!["--resync=08m", "--sweep-interval=480s"],
            None,
        ),
        (json!({"goneAfter": "24h"}), vec!["--gone-after=24h"], None),
        (
            json!({"goneAfter": "0s"}),
            vec!["--gone-after=0s"],
            Some("goneAfter is 0s: it may be from 1s to 24h."),
        ),
        (json!({"feedInterval": "0"}), vec!["--feed-interval=0"], None),
        (json!({"feedInterval": "0s"}), vec!["--feed-interval=0s"], None),
        (json!({"feedInterval": "60m"}), vec!["--feed-interval=60m"], None),
        (
            json!({"feedInterval": "61m"}),
            vec!["--feed-interval=61m"],
            Some("feedInterval is 61m: it may be from 1s to 1h, or 0."),
        ),
        (lease("", "14s", ""), vec!["--renew-deadline=14s"], None),
        (lease("", "15s", ""), vec!["--renew-deadline=15s"], times),
        (lease("10s", "", ""), vec!["--lease-duration=10s"], times),
        (lease("11s", "", ""), vec!["--lease-duration=11s"], None),
        (lease("", "", "3s"), vec!["--retry-period=3s"], None),
        (lease("", "", "4s"), vec!["--retry-period=4s"], times),
        (lease("", "5s", ""), vec!["--renew-deadline=5s"], times),
        (
            lease("2h", "", ""),
            vec!["--lease-duration=2h"],
            Some("leaderElection.leaseDuration is 2h: it may be from 1s to 1h."),
        ),
        (json!({"apiUrl": "http://api.example.com"}), vec!["--api-url=http://api.example.com"], plain),
        (json!({"authUrl": "http://10.0.0.1:80"}), vec!["--auth-url=http://10.0.0.1:80"], plain),
        (
            json!({"authUrl": "http://localhost.example.com"}),
            vec!["--auth-url=http://localhost.example.com"],
            plain,
        ),
        (
            json!({"apiUrl": "http://api.example.com", "allowHttp": true}),
            vec!["--api-url=http://api.example.com", "--allow-http"],
            None,
        ),
        (json!({"apiUrl": "http://localhost:8081"}), vec!["--api-url=http://localhost:8081"], None),
        (json!({"apiUrl": "http://scalingo.localhost"}), vec!["--api-url=http://scalingo.localhost"], None),
        (json!({"authUrl": "http://127.0.0.2"}), vec!["--auth-url=http://127.0.0.2"], None),
        (json!({"authUrl": "http://[::1]:8081/"}), vec!["--auth-url=http://[::1]:8081/"], None),
    ]
}

#[test]
fn values_are_taken_together_where_the_operator_takes_them() {
    let helm = Helm::new(None).unwrap();
    for (values, flags, refusal) in combinations() {
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        let said = operator(&flags);
        assert_eq!(said.is_err(), refusal.is_some(), "{flags:?}: {said:?}");
        let rendered = render(&helm, "logdrain-operator", HOME, &values);
        match (rendered, refusal) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.contains(part), "{values}: {part} in {error}"),
            (rendered, _) => panic!("{values}: {:?}", rendered.err()),
        }
    }
}

#[test]
fn times_of_a_lease_that_nobody_takes_are_not_compared() {
    let helm = Helm::new(None).unwrap();
    let values = json!({"replicas": 1, "leaderElection": {"enabled": false, "leaseDuration": "5s"}});
    render(&helm, "logdrain-operator", HOME, &values).unwrap();
}
