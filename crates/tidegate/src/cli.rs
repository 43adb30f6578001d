//! The commands and flags, and what `--help` says of them.
//!
//! Values of flags that also stand in the file are checked with the file, so
//! that all problems are told at once.

mod client;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tidegate_server::config::{File, Source};

pub(crate) use client::{Advise, Ask, Cancel, Completions, Health, Man, Models, Reach, Requests};

/// A gateway between applications and language models.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version = env!("TIDEGATE_VERSION"), after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tidegate serve                          no file needed: OPENAI_API_KEY if set, else simulated
  tidegate serve --config gate.toml       serve what a file says
  tidegate check --config gate.toml       say everything that is wrong with it
  tidegate ask \"why is the sea salty?\"    ask a model, from the terminal
  tidegate models                         the names that can be asked for
  tidegate requests --watch               what is in flight, and what it waits for
  tidegate advise                         what the traffic says about the settings
  tidegate sim --port 9100                a simulated upstream to point a gateway at

Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration,
130 Ctrl-C in a command that talks to a server.

Environment: TIDEGATE_URL says where those commands find it; NO_COLOR and
CLICOLOR_FORCE are heeded; for the rest see `tidegate serve --help`.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or Ctrl-C; a second signal ends at once
    Serve(Serve),
    /// Say everything that is wrong with a configuration, without serving
    Check(Check),
    /// Ask a model, and print its answer as it comes
    Ask(Ask),
    /// List the models that can be asked for
    Models(Models),
    /// List the requests in flight, and what each waits for
    Requests(Requests),
    /// Cancel requests in flight
    Cancel(Cancel),
    /// Say whether a running Tidegate takes requests, as an exit code
    Health(Health),
    /// Say what a running Tidegate's traffic says about its settings
    Advise(Advise),
    /// Serve the simulated model as a stand-alone upstream
    Sim(Sim),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write all of them
    Man(Man),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate serve
  OPENAI_API_KEY=sk-... tidegate serve --listen 127.0.0.1:8080
  tidegate serve --config gate.toml --log warn,tidegate_gateway=debug

Environment: TIDEGATE_CONFIG, TIDEGATE_LISTEN, TIDEGATE_ADMIN_LISTEN, TIDEGATE_LOG;
without a file also OPENAI_API_KEY and OPENAI_BASE_URL, and the keys of other
providers (GROQ_API_KEY, MISTRAL_API_KEY...; docs/configuration.md lists them).
Flags win over the environment, the environment over the file.
Logs go to standard error: for people on a terminal, JSON otherwise.")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) read: Read,
}

/// Where the configuration comes from: `check` reads what `serve` would.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The configuration file [default: ./tidegate.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where applications connect; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// What is logged: a level, or a list of target=level [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Read {
    pub(crate) fn source(self) -> Source {
        Source {
            file: self.config.map_or(File::Search, File::At),
            listen: self.listen,
            log: self.log,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate check
  tidegate check --config gate.toml --json
  tidegate check --config gate.toml --print
  tidegate check --schema > tidegate.schema.json

Editors that know TOML (Taplo, Even Better TOML) complete and check the file as
you write once its first line names the schema:

  #:schema ./tidegate.schema.json
  listen = \"127.0.0.1:7070\"

It reads what `serve` would read: the file, the environment, and these flags over both.

Exit codes: 0 it can be served, 2 it cannot.")]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) read: Read,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
    /// Print every value that is in effect, as a file that says where each came from
    #[arg(long)]
    pub(crate) print: bool,
    /// Print the JSON Schema of the configuration file, and read nothing
    #[arg(long, exclusive = true)]
    pub(crate) schema: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate sim
  tidegate sim --port 9100 --host 127.0.0.1
  tidegate sim --script answers.toml           what your application is to meet
  tidegate sim --script answers.toml --check   everything that is wrong with it
  curl http://127.0.0.1:9100/v1/models          names that say what happens
  curl http://127.0.0.1:9100/sim/requests      what your application sent

Names: echo; tools, tools-2; sim-TTFT-CHUNKS-GAP-BYTES, where TTFT and GAP are milliseconds
or a distribution (200..400, 300~50, 300~~2000); fault-429, fault-cut and others.
A script is TOML; its first rule that fits answers a call:

  [[rule]]
  match = { model = \"gpt-*\", contains = \"weather\", tools = true }
  respond = { tool_call = \"get_weather\", arguments = { city = \"Oslo\" } }
  delay = \"300ms ~ 50ms\"

  [[rule]]
  match = { model = \"gpt-*\", share = 10 }
  status = 429
  headers = { retry-after = \"1\" }

All of it: docs/sim.md.

Exit codes: 0 fine, 1 failed while running, 2 wrong usage or script.")]
pub(crate) struct Sim {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 9100)]
    pub(crate) port: u16,
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Rules that say which call gets what
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Say everything that is wrong with the script, without serving
    #[arg(long, requires = "script")]
    pub(crate) check: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sim_listens_on_loopback_by_default() {
        let cli = Cli::try_parse_from(["tidegate", "sim"]).unwrap();
        let Command::Sim(sim) = cli.command else {
            panic!("not sim")
        };
        assert!(sim.host.is_loopback() && sim.port == 9100);
    }
}
