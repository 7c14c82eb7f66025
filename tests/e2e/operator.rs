//! The operator's binary, as a process of its own.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use control_plane::Supervised;
use regex::Regex;

use crate::world::SOON;

/// How to start an operator.
pub struct Options<'a> {
    pub kubeconfig: &'a Path,
    pub scalingo: &'a str,
    pub namespaces: &'a [String],
    pub arguments: &'a [&'a str],
    /// Value of `RUST_LOG`.
    pub log: &'a str,
    /// Variables beside those that it is given anyway.
    pub environment: &'a [(&'a str, &'a str)],
}

/// All that our own crate has to say.
pub const OWN_TRACE: &str = "info,logdrain_operator=trace";

/// A running operator.
pub struct Operator {
    process: Supervised,
}

impl Operator {
    /// Starts it; it need not be ready yet.
    pub fn start(options: &Options<'_>) -> Self {
        // The one that is in the image, for one.
        let given = std::env::var_os("LOGDRAIN_OPERATOR");
        let built = || env!("CARGO_BIN_EXE_logdrain-operator").into();
        let mut command = Command::new(given.unwrap_or_else(built));
        let defaults = [
            ["--admin-address", "127.0.0.1:0"],
            ["--resync", "2s"],
            // Only the tests of the feed have it: what it tells comes before the checks that others wait for.
            ["--feed-interval", "0"],
            // What was deleted is not waited for long, where no feed tells that it was.
            ["--gone-after", "1s"],
            // Checks every 2 s are more than Scalingo allows: only the tests of the budget keep to it.
            ["--requests-per-minute", "6000"],
            ["--api-url", options.scalingo],
            ["--auth-url", options.scalingo],
        ];
        let not_given = defaults.iter().filter(|[option, _]| !options.arguments.contains(option)).flatten();
        // Only the tests of the Lease wait for one.
        let stands = options.arguments.iter().any(|argument| argument.starts_with("--lease"));
        command
            .arg("run")
            .args((!stands).then_some("--no-leader-election"))
            .args(not_given)
            .args(options.namespaces.iter().flat_map(|namespace| ["--watch-namespace", namespace]))
            .args(options.arguments)
            .env("KUBECONFIG", options.kubeconfig)
            .env("RUST_LOG", options.log)
            .envs(options.environment.iter().copied());
        Self { process: Supervised::spawn(&command).expect("the operator starts") }
    }

    /// Ends it as a power cut would.
    pub fn kill(self) -> String {
        self.process.kill().expect("a signal");
        self.process.wait_exit(SOON).expect("an exit status").expect("it ends");
        self.output()
    }

    /// Ends it as Kubernetes does, and makes sure that it ends well.
    pub fn stop(self) -> String {
        self.process.terminate().expect("a signal");
        let status = self.process.wait_exit(SOON).expect("an exit status");
        let output = self.output();
        assert!(status.is_some_and(|status| status.success()), "it ended with {status:?}: {output}");
        output
    }

    /// Where its admin address is, once it has started.
    pub fn admin_address(&self) -> Option<String> {
        admin_address(&self.output())
    }

    /// The whole answer of its admin address, which it has printed when it started.
    pub fn ask(&self, path: &str) -> io::Result<String> {
        let address = self.admin_address().ok_or(io::ErrorKind::NotConnected)?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SOON))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The process.
    pub fn process(&self) -> &Supervised {
        &self.process
    }

    /// All it has printed.
    pub fn output(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }
}

/// The admin address that an operator has printed, once it has started.
pub fn admin_address(output: &str) -> Option<String> {
    let printed = Regex::new(r#"admin"?[=:]"?(127\.0\.0\.1:[0-9]+)"#).expect("a pattern");
    Some(printed.captures(output)?[1].to_owned())
}
