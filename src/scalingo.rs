//! The client of the Scalingo API: what is asked, how it is sent, and what an answer means.
//!
//! The only user of reqwest, and only behind [`Transport`], so that the same client runs over anything that
//! takes a request and gives a response. Sources of outside facts: Scalingo's developer documentation
//! and its public Go client.

mod answer;
mod authorities;
mod bearer;
pub mod budget;
mod budgets;
mod client;
mod endpoints;
mod error;
pub mod event;
mod operation;
mod permission;
mod reqwest_transport;
#[cfg(test)]
mod scripted;
mod secrets;
mod token;
mod transport;
mod waits;
mod wire;

pub use authorities::CertificateAuthorities;
pub use budgets::{BudgetFigures, ClassFigures, Requester};
pub use client::{Client, DeleteForm};
pub use endpoints::{EndpointError, Endpoints};
pub use error::{ChangeOutcome, Error, ErrorKind};
pub use operation::{Missing, Operation};
pub use permission::Permission;
pub use reqwest_transport::{
    ReqwestTransport, TransportLimits, TransportSetupError, install_crypto_provider,
};
pub use token::{ApiToken, TokenError, TokenKey};
pub use transport::{BodyFailure, Transport, TransportError};
pub use waits::Waits;
pub use wire::App;
