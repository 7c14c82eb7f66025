use clap::builder::Resettable;

use super::*;

const DEFAULT_API: &str = "https://api.{region}.scalingo.com";
const DEFAULT_AUTH: &str = "https://auth.scalingo.com";

/// Without the variables of whoever runs the tests.
fn parse_arguments(arguments: &[&str]) -> Result<Command, ConfigError> {
    let definition = Arguments::command()
        .mut_subcommand("run", |run| run.mut_args(|argument| argument.env(Resettable::Reset)));
    parse_with(
        definition,
        std::iter::once("logdrain-operator").chain(arguments.iter().copied()).map(Into::into),
    )
}

fn run_config(arguments: &[&str]) -> Config {
    match parse_arguments(&[&["run"], arguments].concat()).unwrap() {
        Command::Run(config) => *config,
        other => panic!("{other:?}"),
    }
}

fn defaults() -> Config {
    Config {
        endpoints: Endpoints::parse(DEFAULT_API, DEFAULT_AUTH, false).unwrap(),
        region: "osc-fr1".to_owned(),
        watch_namespaces: Vec::new(),
        feed_interval: Some(Duration::from_secs(15)),
        resync: Duration::from_secs(600),
        sweep_interval: Duration::from_secs(86_400),
        gone_after: Duration::from_secs(600),
        requests_per_minute: 50,
        max_concurrent_reconciles: 32,
        election: Some(Election {
            name: "logdrain-operator".to_owned(),
            namespace: None,
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }),
        admin_address: "[::]:8080".parse().unwrap(),
        certificate_authorities: CertificateAuthorities::default(),
        log_format: LogFormat::Text,
    }
}

#[test]
fn the_definition_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn without_flags_the_defaults_hold() {
    assert_eq!(run_config(&[]), defaults());
}

#[test]
fn flags_replace_the_defaults() {
    let config = run_config(&[
        "--api-url=http://127.0.0.1:9000/v1",
        "--auth-url=http://auth.internal",
        "--allow-http",
        "--region=osc-secnum-fr1",
        "--watch-namespace=shop,blog",
        "--watch-namespace=shop",
        "--feed-interval=0",
        "--resync=1h 30m",
        "--sweep-interval=2h",
        "--gone-after=1h",
        "--requests-per-minute=60",
        "--max-concurrent-reconciles=4",
        "--lease-name=drains",
        "--lease-namespace=tools",
        "--lease-duration=1m",
        "--renew-deadline=40s",
        "--retry-period=5s",
        "--admin-address=[::1]:0",
        "--log-format=json",
    ]);
    let expected = Config {
        endpoints: Endpoints::parse("http://127.0.0.1:9000", "http://auth.internal", true).unwrap(),
        region: "osc-secnum-fr1".to_owned(),
        watch_namespaces: vec!["blog".to_owned(), "shop".to_owned()],
        feed_interval: None,
        resync: Duration::from_secs(5_400),
        sweep_interval: Duration::from_secs(7_200),
        gone_after: Duration::from_secs(3_600),
        requests_per_minute: 60,
        max_concurrent_reconciles: 4,
        election: Some(Election {
            name: "drains".to_owned(),
            namespace: Some("tools".to_owned()),
            duration: Duration::from_secs(60),
            renew_deadline: Duration::from_secs(40),
            retry_period: Duration::from_secs(5),
        }),
        admin_address: "[::1]:0".parse().unwrap(),
        certificate_authorities: CertificateAuthorities::default(),
        log_format: LogFormat::Json,
    };
    assert_eq!(config, expected);
}

#[test]
fn election_is_left_out_on_demand_and_its_durations_must_make_sense() {
    assert_eq!(run_config(&["--no-leader-election"]).election, None);
    for flags in [
        ["--lease-duration=10s", "--renew-deadline=10s", "--retry-period=2s"],
        ["--lease-duration=15s", "--renew-deadline=10s", "--retry-period=4s"],
    ] {
        let error = parse_arguments(&[&["run"][..], &flags].concat()).unwrap_err().to_string();
        assert!(error.starts_with("--lease-duration ("), "{error}");
        assert!(error.contains("must be longer than --renew-deadline"), "{error}");
        // Where there is no Lease, nothing depends on them.
        assert_eq!(run_config(&[&["--no-leader-election"][..], &flags].concat()).election, None);
    }
    for flag in ["--lease-duration=1500ms", "--retry-period=0s", "--lease-name=A", "--lease-namespace="] {
        let error = parse_arguments(&["run", flag]).unwrap_err().to_string();
        assert!(error.contains(" must be "), "{error}");
    }
}

#[test]
fn bounds_are_within() {
    assert_eq!(run_config(&["--resync=1s"]).resync, Duration::from_secs(1));
    for day in ["24h", "1day", "1d", "1440 minutes", "23hours 59min 60sec", " 24h "] {
        assert_eq!(run_config(&[&format!("--resync={day}")]).resync, Duration::from_secs(86_400), "{day}");
    }
    assert_eq!(run_config(&["--feed-interval=0s"]).feed_interval, None);
    assert_eq!(run_config(&["--feed-interval=1h"]).feed_interval, Some(Duration::from_secs(3_600)));
    assert_eq!(run_config(&["--resync=1h", "--sweep-interval=1h"]).sweep_interval.as_secs(), 3_600);
    assert_eq!(run_config(&["--requests-per-minute=2"]).requests_per_minute, 2);
    let longest = "a".repeat(63);
    assert_eq!(run_config(&["--watch-namespace", &longest]).watch_namespaces, [longest]);
}

#[test]
fn the_help_of_a_flag_names_its_bounds() {
    let definition = Arguments::command();
    let run = definition.find_subcommand("run").unwrap();
    // Without an election nothing depends on how the durations of the Lease go together.
    let is_taken = |flag: &str, value: &str| {
        let flag = format!("--{flag}={value}");
        let others = ["--no-leader-election", "--sweep-interval=24h", "--resync=1s"];
        let others =
            others.iter().filter(|other| !flag.starts_with(other.split('=').next().unwrap_or_default()));
        let arguments: Vec<&str> = ["run"].iter().chain(others).copied().chain([flag.as_str()]).collect();
        parse_arguments(&arguments).is_ok()
    };
    let mut bounded = 0;
    for argument in run.get_arguments().filter(|argument| argument.get_action().takes_values()) {
        let flag = argument.get_long().unwrap();
        let help = argument.get_help().unwrap().to_string();
        let [below, lowest, highest, above] = match flag {
            "feed-interval" => ["999ms", "1s", "1h", "3601s"],
            "resync" | "sweep-interval" | "gone-after" => ["999ms", "1s", "24h", "86401s"],
            "lease-duration" | "renew-deadline" | "retry-period" => ["0s", "1s", "1h", "3601s"],
            "requests-per-minute" => ["1", "2", "10000", "10001"],
            "max-concurrent-reconciles" => ["0", "1", "256", "257"],
            _ => continue,
        };
        bounded += 1;
        assert!(help.contains(&format!("from {lowest} to {highest}")), "{flag}: {help}");
        assert!(is_taken(flag, lowest) && is_taken(flag, highest), "{flag}");
        assert!(!is_taken(flag, below) && !is_taken(flag, above), "{flag}");
        let is_whole = highest == "1h" && !is_taken(flag, "1500ms");
        assert_eq!(help.contains("whole seconds"), is_whole, "{flag}: {help}");
    }
    assert_eq!(bounded, 9);
}

#[test]
fn http_stays_on_this_machine_unless_permitted() {
    assert!(parse_arguments(&["run", "--api-url=http://localhost:1", "--auth-url=http://[::1]:1"]).is_ok());
    for flag in ["--api-url=http://10.0.0.1", "--auth-url=http://10.0.0.1"] {
        let sentence = parse_arguments(&["run", flag]).unwrap_err().to_string();
        assert!(sentence.contains("--allow-http") && sentence.contains(&flag[..9]), "{sentence}");
        assert!(parse_arguments(&["run", flag, "--allow-http"]).is_ok(), "{flag}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let region =
        "--region must be the name of a region, lower-case letters, digits and hyphens, for example osc-fr1.";
    let namespace = "--watch-namespace must be the name of a namespace: at most 63 lower-case letters, digits and \
                     hyphens, with a letter or digit first and last.";
    let empty = "--watch-namespace holds an empty name: leave it out to watch all namespaces.";
    let range = "--resync must be from 1s to 24h.";
    let feed = "--feed-interval must be from 1s to 1h, or 0 to turn it off.";
    let sweep = "--sweep-interval must not be shorter than --resync, which is 10m: make one longer or the other shorter.";
    let duration = "--resync must be a duration with a unit, for example 90s or 10m.";
    let address = "--admin-address must be an IP address and a port, for example 0.0.0.0:8080 or [::1]:8080.";
    let subcommand = "There is no such command: use `logdrain-operator run` or `logdrain-operator crd`.";
    let longest = format!("--watch-namespace={}", "a".repeat(64));
    let cases: &[(&[&str], &str)] = &[
        (&[], "Say what to do: `logdrain-operator run` or `logdrain-operator crd`."),
        (&["start"], subcommand),
        (&["tk-us-secret"], subcommand),
        (&["help"], subcommand),
        (&["run", "--regoin=osc-fr1"], "There is no flag --regoin: use --region."),
        (&["run", "--zzz"], "There is no flag --zzz: `logdrain-operator run --help` lists the flags."),
        (
            &["run", "tk-us-secret"],
            "An argument belongs to no flag: take it out; `logdrain-operator run --help` lists the flags.",
        ),
        (
            &["run", "--tk-us-S3CRET"],
            "An argument belongs to no flag: take it out; `logdrain-operator run --help` lists the flags.",
        ),
        (
            &["crd", "extra"],
            "An argument belongs to no flag: take it out; `logdrain-operator run --help` lists the flags.",
        ),
        (&["run", "--region"], "--region needs a value: `logdrain-operator run --help` lists the flags."),
        (&["run", "--region=a", "--region=b"], "--region is given twice: keep one."),
        (&["run", "--region="], region),
        (&["run", "--region=api.evil.example"], region),
        (&["run", "--region=a/b"], region),
        (&["run", "--region=-a"], region),
        (&["run", "--region=Osc"], region),
        (&["run", "--watch-namespace=Shop"], namespace),
        (&["run", "--watch-namespace=shop-"], namespace),
        (&["run", "--watch-namespace=a.b"], namespace),
        (&["run", &longest], namespace),
        (&["run", "--watch-namespace=shop,"], empty),
        (&["run", "--watch-namespace="], empty),
        (&["run", "--resync=999ms"], range),
        (&["run", "--resync=25h"], range),
        (&["run", "--resync=-10m"], range),
        (&["run", "--feed-interval=500ms"], feed),
        (&["run", "--feed-interval=61m"], feed),
        (&["run", "--feed-interval=-15s"], feed),
        (&["run", "--sweep-interval=5m"], sweep),
        (&["run", "--resync=10"], duration),
        (&["run", "--resync=often"], duration),
        (&["run", "--resync=30s1m"], duration),
        (&["run", "--resync=99999999999999999999y"], duration),
        (&["run", "--admin-address=8080"], address),
        (&["run", "--admin-address=localhost:8080"], address),
        (&["run", "--admin-address=0.0.0.0:70000"], address),
        (&["run", "--ca-file=/nonexistent/S3CRET"], "--ca-file names a file that cannot be read."),
        (&["run", "--ca-file=/dev/null"], "--ca-file names a file without a certificate in PEM."),
        (&["run", "--log-format=xml"], "--log-format must be one of: text, json."),
        (
            &["run", "--log-format="],
            "--log-format needs a value: `logdrain-operator run --help` lists the flags.",
        ),
        (&["run", "--allow-http=yes"], "--allow-http takes no value: leave out what follows it."),
    ];
    for (arguments, expected) in cases {
        let sentence = parse_arguments(arguments).expect_err(&arguments.join(" ")).to_string();
        assert_eq!(sentence, *expected, "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let Ok(Command::Print(version)) = parse_arguments(&["--version"]) else { panic!("no version") };
    assert_eq!(version, format!("logdrain-operator {}\n", env!("CARGO_PKG_VERSION")));
    assert!(matches!(parse_arguments(&["--help"]), Ok(Command::Print(_))));
    assert!(matches!(parse_arguments(&["run", "--help"]), Ok(Command::Print(_))));
    assert_eq!(parse_arguments(&["crd"]), Ok(Command::Crd));
}
