//! The simulator as a server: prints its URL, and stays until it is told to end.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use scalingo_simulator::Fixture;

/// The Scalingo API as documented, for tests and for trying out; its page is at /_simulator.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// YAML file with tokens, apps and settings; three apps and two addons without it.
    #[arg(long)]
    fixture: Option<PathBuf>,
    /// API token to accept besides those of the fixture; repeatable.
    #[arg(long)]
    api_token: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            let _ = writeln!(io::stderr(), "scalingo-simulator: {sentence}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let text = match &arguments.fixture {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the fixture {}: {error}", path.display()))?,
        None => include_str!("../fixture.yaml").to_owned(),
    };
    let fixture = Fixture::from_yaml(&text).map_err(|error| format!("bad fixture: {error}"))?;
    let simulator = fixture.simulator();
    for (number, token) in arguments.api_token.iter().enumerate() {
        simulator.add_token(&format!("argument-{}", number + 1), token);
    }
    let mut server = simulator
        .serve(&arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    writeln!(io::stdout(), "{}", server.url()).map_err(|error| format!("cannot print the URL: {error}"))?;
    tokio::select! {
        () = server.ended() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
