//! The operators of a test: started, watched, and ended in every way.

use std::{process::ExitStatus, time::Duration};

use control_plane::Supervised;
use tokio::task::block_in_place;

use super::{SOON, World};
use crate::{
    eventually::{eventually, until},
    metrics::Scrape,
    operator::{OWN_TRACE, Operator, Options},
};

impl World {
    /// Where the simulator answers.
    pub fn scalingo(&self) -> String {
        self.server.url()
    }

    /// Starts an operator for this test's namespaces.
    pub fn start_operator(&self) {
        self.start_operator_with(&[]);
    }

    /// The same with more arguments.
    pub fn start_operator_with(&self, arguments: &[&str]) {
        self.start_operator_for(&self.namespaces, &self.server.url(), arguments, OWN_TRACE);
    }

    /// Starts an operator for all namespaces of a control plane that is this test's [own](Self::alone).
    pub fn start_operator_for_all_namespaces(&self) {
        self.start_operator_for(&[], &self.server.url(), &[], OWN_TRACE);
    }

    /// Starts an operator with another address for the Scalingo API.
    pub fn start_operator_at(&self, scalingo: &str, arguments: &[&str]) {
        self.start_operator_for(&self.namespaces, scalingo, arguments, OWN_TRACE);
    }

    /// Starts an operator for this test's namespaces that logs what this `RUST_LOG` asks for.
    pub fn start_operator_logging(&self, log: &str, arguments: &[&str]) {
        self.start_operator_for(&self.namespaces, &self.server.url(), arguments, log);
    }

    fn start_operator_for(&self, namespaces: &[String], scalingo: &str, arguments: &[&str], log: &str) {
        self.start(&Options {
            kubeconfig: &self.kubeconfig,
            scalingo,
            namespaces,
            arguments,
            log,
            environment: &[],
        });
    }

    /// Starts an operator with another address for the Scalingo API, and these variables.
    pub fn start_operator_in(&self, environment: &[(&str, &str)], scalingo: &str, arguments: &[&str]) {
        self.start(&Options {
            kubeconfig: &self.kubeconfig,
            scalingo,
            namespaces: &self.namespaces,
            arguments,
            log: OWN_TRACE,
            environment,
        });
    }

    fn start(&self, options: &Options<'_>) {
        let operator = block_in_place(|| Operator::start(options));
        self.operators.borrow_mut().push(operator);
    }

    /// Ends the operator that was started last, as a power cut would.
    pub fn kill_operator(&self) {
        let operator = self.operators.borrow_mut().pop().expect("an operator runs");
        let output = block_in_place(|| operator.kill());
        self.keep("an operator that was killed", output);
    }

    /// Ends the operator that was started last, as Kubernetes does.
    pub fn stop_operator(&self) {
        let operator = self.operators.borrow_mut().pop().expect("an operator runs");
        // One that has just been started, or is ending, shows none.
        if let Ok(metrics) = block_in_place(|| operator.ask("/metrics")) {
            self.keep("the metrics of an operator", metrics);
        }
        let output = block_in_place(|| operator.stop());
        self.keep("an operator that was stopped", output);
    }

    /// Ends the operator that was started first of those that run, as a power cut would.
    pub fn kill_first_operator(&self) {
        let operator = self.operators.borrow_mut().remove(0);
        let output = block_in_place(|| operator.kill());
        self.keep("an operator that was killed", output);
    }

    /// Ends it as Kubernetes does, and gives what it has printed.
    pub fn stop_first_operator(&self) -> String {
        let operator = self.operators.borrow_mut().remove(0);
        let output = block_in_place(|| operator.stop());
        self.keep("an operator that was stopped", output.clone());
        output
    }

    /// Waits until it has ended, and says how, and what it has printed.
    pub async fn first_operator_exit(&self) -> (ExitStatus, String) {
        let describe = || format!("the operator does not end: {}", self.first_operator_output());
        let status = eventually(SOON, describe, async || self.with_first_operator(exit)).await;
        let output = self.operators.borrow_mut().remove(0).output();
        self.keep("an operator that has ended", output.clone());
        (status, output)
    }

    /// What the operator that was started last shows of itself.
    pub async fn metrics(&self) -> Scrape {
        let answer = self.ask("/metrics").await;
        self.keep("metrics", answer.clone());
        Scrape::read(&answer)
    }

    /// What the admin address of the operator that was started last answers: status and body.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let answer = self.ask(path).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    /// Waits until the one that was started last says that its caches are full.
    pub async fn until_ready(&self) {
        let is_ready = async || (self.admin("/readyz").await.0 == 200).then_some(());
        eventually(SOON, || self.operator_output(), is_ready).await;
    }

    async fn ask(&self, path: &str) -> String {
        let has_started =
            |_: &str| self.operators.borrow().last().is_some_and(|one| one.admin_address().is_some());
        self.until_output("that it has started", has_started).await;
        let ask = || self.operators.borrow().last().expect("an operator runs").ask(path);
        block_in_place(ask).expect("an answer")
    }

    /// What the operator that was started last has printed.
    pub fn operator_output(&self) -> String {
        self.operators.borrow().last().map(Operator::output).unwrap_or_default()
    }

    /// Waits until the operator that was started last has printed what it should.
    pub async fn until_output(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let describe = || format!("the operator does not print {what}: {}", self.operator_output());
        until(SOON, describe, || is_so(&self.operator_output())).await;
    }

    /// Does something with the process of the operator that was started last, such as sending it a signal.
    pub fn with_operator<T>(&self, act: impl FnOnce(&Supervised) -> T) -> T {
        act(self.operators.borrow().last().expect("an operator runs").process())
    }

    /// The same with the one that was started first of those that run.
    pub fn with_first_operator<T>(&self, act: impl FnOnce(&Supervised) -> T) -> T {
        act(self.operators.borrow().first().expect("an operator runs").process())
    }

    /// What the operator that was started first of those that run has printed.
    pub fn first_operator_output(&self) -> String {
        self.operators.borrow().first().map(Operator::output).unwrap_or_default()
    }

    /// The same with the operator that was started last.
    pub async fn operator_exit(&self) -> (ExitStatus, String) {
        let describe = || format!("the operator does not end: {}", self.operator_output());
        let status = eventually(SOON, describe, async || self.with_operator(exit)).await;
        let output = self.operators.borrow_mut().pop().expect("it ran").output();
        self.keep("an operator that has ended", output.clone());
        (status, output)
    }
}

/// How it has ended, if it has.
fn exit(process: &Supervised) -> Option<ExitStatus> {
    process.wait_exit(Duration::ZERO).expect("an exit status")
}
