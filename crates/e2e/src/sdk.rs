//! Runs the programs of `python/` and `node/`, each with its official SDK.
//!
//! Where a language stands comes from `cargo xtask test` in a variable; without
//! it these tests are skipped, told loudly, and fail on a build server. What
//! the programs meet is the same for both and stands in [`scenes`].

pub mod scenes;

use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_testkit::figure;
use tidegate_testkit::gate::command_output;

/// The official SDK of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// `openai` of PyPI, by the interpreter in `TIDEGATE_E2E_PYTHON`.
    Python,
    /// `openai` of npm, installed in the folder `TIDEGATE_E2E_NODE`.
    Node,
    /// The SDKs of every dialect and the frameworks for agents, of PyPI, by the
    /// interpreter in `TIDEGATE_E2E_DIALECTS`.
    Dialects,
}

impl Sdk {
    /// Those of OpenAI.
    pub const BOTH: [Self; 2] = [Self::Python, Self::Node];

    const fn variable(self) -> &'static str {
        match self {
            Self::Python => "TIDEGATE_E2E_PYTHON",
            Self::Node => "TIDEGATE_E2E_NODE",
            Self::Dialects => "TIDEGATE_E2E_DIALECTS",
        }
    }

    /// Whether it is here.
    ///
    /// # Panics
    /// When it is not, on a build server.
    pub fn is_here(self) -> bool {
        self.place().is_some()
    }

    /// Where it is: the interpreter of Python, the folder of Node's packages.
    ///
    /// # Panics
    /// When it is not here, on a build server.
    pub fn place(self) -> Option<PathBuf> {
        let variable = self.variable();
        let given = std::env::var_os(variable).filter(|path| !path.is_empty());
        if given.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "no SDK of {self:?}: {variable} is not set on a build server"
            );
            figure(&format!(
                "SKIPPED, no SDK of {self:?}: run this by `cargo xtask test`"
            ));
        }
        given.map(PathBuf::from)
    }

    /// Runs a program of our own, named without its ending, and tells what it
    /// wrote when it fails. Where the SDK is not here, nothing is run.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(self, program: &str, args: &[&str]) {
        self.run_with(program, args, &[]).await;
    }

    /// The same with variables of the environment, and what it wrote.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run_with(
        self,
        program: &str,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> String {
        let Some(place) = self.place() else {
            return String::new();
        };
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let file = match self {
            Self::Python => python.join(format!("{program}.py")),
            Self::Dialects => python.join("dialects").join(format!("{program}.py")),
            Self::Node => place.join("programs").join(format!("{program}.mjs")),
        };
        self.run_file_with(&file, args, variables).await
    }

    /// The same with any file, and what it wrote; one of Node's must stand where
    /// its packages are, in [`Sdk::place`].
    ///
    /// # Panics
    /// When it fails.
    pub async fn run_file(self, file: &Path, args: &[&str]) -> String {
        self.run_file_with(file, args, &[]).await
    }

    async fn run_file_with(self, file: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
        let Some(place) = self.place() else {
            return String::new();
        };
        let mut command = match self {
            Self::Python | Self::Dialects => Command::new(place),
            Self::Node => {
                let mut node = Command::new("node");
                // Our programs are linked to in the folder of the packages, where
                // they find those as any application does: not by their own path.
                node.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
                node
            }
        };
        command
            .arg(file)
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        for vendor in ["OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI", "OLLAMA"] {
            for what in ["API_KEY", "AUTH_TOKEN", "BASE_URL", "HOST"] {
                command.env_remove(format!("{vendor}_{what}"));
            }
        }
        command.envs(variables.iter().copied());
        let (status, told) = command_output(command).await;
        assert!(status.success(), "{}: {status}\n{told}", file.display());
        told
    }
}
