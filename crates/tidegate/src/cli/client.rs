//! The arguments of the commands that talk to a running Tidegate, and of those
//! that describe the command line itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Where the server is, and what it wants to see.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Reach {
    /// Where Tidegate listens [env: TIDEGATE_URL] [default: http://127.0.0.1:7070]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The environment variable that holds a key, if the server wants one
    #[arg(long, value_name = "env:NAME")]
    pub(crate) key: Option<String>,
    /// Certificates to trust beside the system's, in PEM form, for https
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate ask \"why is the sea salty?\"
  tidegate ask \"what does this do?\" --model openai/gpt-4o < main.rs
  git diff | tidegate ask \"write a commit message\" --system \"be brief\"
  tidegate ask --json --stats - < question.txt | jq -r .content

The answer goes to standard output as it comes, as it is; on a terminal without
its control characters. Standard input is the question, or what the question is
about when there is one already. Without --model the first listed name is asked.
Ctrl-C cancels the request, also at the provider; the second ends at once.

--json prints one object at the end, also of a failure: outcome (completed,
failed or cancelled), id, model, content, finish_reason, usage, queue_ms,
first_token_ms, total_ms, error (code and message); null where not known.

Exit codes: 0 answered, 1 failed, also in the middle, 2 wrong usage, 130 Ctrl-C.")]
pub(crate) struct Ask {
    /// The question; `-` or nothing takes it from standard input
    #[arg(value_name = "QUESTION")]
    pub(crate) question: Option<String>,
    /// The model, as `tidegate models` lists it or as provider/name
    #[arg(long, short, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// What the model is told before the question
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Seconds after which the request is given up [default: the server's timers]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
    /// Say on standard error how long it took and how fast it was
    #[arg(long)]
    pub(crate) stats: bool,
    /// Print one JSON object at the end instead of the text as it comes
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate models
  tidegate models --json | jq -r '.data[].id'

Listed are the names that the configuration names: a pattern such as \"gpt-*\"
permits more. A name that two providers list leads to the first of the file;
provider/name leads to either.

Exit codes: 0 listed, 1 nobody answers, 2 wrong usage, 130 Ctrl-C.")]
pub(crate) struct Models {
    /// Print the server's JSON object (OpenAI's form) instead
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate requests
  tidegate requests --watch
  tidegate requests --json | jq -r '.requests[] | select(.age_ms > 60000) | .id'
  tidegate requests --watch --json

The oldest is the first. --watch draws the table anew as requests come and go;
with --json, or when standard output is no terminal, it prints one JSON object a
line instead: event (snapshot, request or ended) and its data. A watch that is
lost is tried again for 60 s, and begins with a snapshot again.

Exit codes: 0 listed, 1 nobody answers or the watch was lost, 2 wrong usage,
130 Ctrl-C.")]
pub(crate) struct Requests {
    /// Go on, and show what changes
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// Print JSON instead
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate cancel 01a1fded-743f-7056-b06c-9db4c16c64a7
  tidegate requests --json | jq -r '.requests[].id' | xargs -r tidegate cancel

The caller gets status 503 with the code cancelled_by_operator, or that error as
the last event of its stream; the provider's connection is closed.

Exit codes: 0 all cancelled, 1 one was not in flight or nobody answers,
2 wrong usage, 130 Ctrl-C.")]
pub(crate) struct Cancel {
    /// The x-tidegate-id of the request, as `tidegate requests` shows it
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate advise
  tidegate advise --provider openai
  tidegate advise --url http://127.0.0.1:7071 --key env:GATE_KEY --json

It reads the last 10 to 20 minutes of a running process and prints lines of the
configuration file, each with its reason; 200 good answers of a provider are needed.

Exit codes: 0 there is advice, 1 there is none yet or nobody answers, 2 wrong usage,
130 Ctrl-C.")]
pub(crate) struct Advise {
    /// Only this provider
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate health
  tidegate health --url https://127.0.0.1:7070 --ca-file authority.pem

It asks for /readyz, which wants no key: for the health check of a container.

Exit codes: 0 ready, 1 not ready or nobody answers, 2 wrong usage, 130 Ctrl-C.")]
pub(crate) struct Health {
    #[command(flatten)]
    pub(crate) reach: Reach,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh > ~/.zfunc/_tidegate
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish")]
pub(crate) struct Completions {
    /// Whose language it is written in
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate man | man -l -
  tidegate man --out /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write every page into this folder, which must be there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
