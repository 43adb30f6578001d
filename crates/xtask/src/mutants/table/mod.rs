//! The seeded bugs: what is put where, and who must notice.
//!
//! Promises: (1) the text that is replaced stands exactly once in its file;
//! (2) the tests stand in the suite that is named. A test of this program holds
//! both, so that whoever changes the code changes its mutant too.

mod answers;
mod calls;
mod configuration;
mod crossing;
mod dialects;
mod edges;
mod gateway;
mod keyed;
mod lent;
mod reload;
mod rows;
mod shape;
mod upstream;
mod waiting;

use crate::workspace::Outcome;

/// One seeded bug.
pub(super) struct Mutant {
    /// What is wrong with it.
    pub(super) name: &'static str,
    /// The file, from the root of the workspace.
    pub(super) file: &'static str,
    /// What stands there, once.
    pub(super) before: &'static str,
    /// What stands there instead.
    pub(super) after: &'static str,
    /// Who must notice, each of them.
    pub(super) caught_by: &'static [Test],
    /// What it would cost: the promise or invariant, or where it was seen.
    pub(super) why: &'static str,
}

impl Mutant {
    /// The file's text with the bug in it.
    pub(super) fn applied(&self, source: &str) -> Outcome<String> {
        match source.matches(self.before).count() {
            1 => Ok(source.replacen(self.before, self.after, 1)),
            n => Err(format!(
                "{}: its text stands {n} times in {}",
                self.name, self.file
            )),
        }
    }
}

/// A program of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suite {
    /// The kernel's tests in its own files.
    Kernel,
    /// The kernel from outside, on a paused clock.
    Promises,
    /// The kernel under the model checker.
    Model,
    /// The gateway's tests in its own files.
    Gateway,
    /// The gateway from outside.
    Requests,
    /// The server's tests in its own files.
    Server,
    /// The simulated model's tests.
    Sim,
    /// The command line's tests in its own files.
    Command,
    /// The dialects' tests in their own files.
    Wire,
    /// Every caller's dialect with every upstream's.
    Matrix,
    /// Shapes from outside.
    Shaping,
}

impl Suite {
    /// What cargo is told.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Kernel => &["-p", "tidegate-kernel", "--lib"],
            Self::Promises => &["-p", "tidegate-kernel", "--test", "promises"],
            Self::Model => &["-p", "tidegate-kernel", "--test", "model"],
            Self::Gateway => &["-p", "tidegate-gateway", "--lib"],
            Self::Requests => &["-p", "tidegate-gateway", "--test", "gateway"],
            Self::Server => &["-p", "tidegate-server", "--lib"],
            Self::Sim => &["-p", "tidegate-sim", "--lib"],
            Self::Command => &["-p", "tidegate", "--bin", "tidegate"],
            Self::Wire => &["-p", "tidegate-wire", "--lib"],
            Self::Matrix => &["-p", "tidegate-wire", "--test", "matrix"],
            Self::Shaping => &["-p", "tidegate-shape", "--test", "shaping"],
        }
    }

    #[cfg(test)]
    fn folder(self) -> &'static str {
        match self {
            Self::Kernel => "crates/kernel/src",
            Self::Promises => "crates/kernel/tests/promises",
            Self::Model => "crates/kernel/tests/model",
            Self::Gateway => "crates/gateway/src",
            Self::Requests => "crates/gateway/tests/gateway",
            Self::Server => "crates/server/src",
            Self::Sim => "crates/sim/src",
            Self::Command => "crates/tidegate/src",
            Self::Wire => "crates/wire/src",
            Self::Matrix => "crates/wire/tests/matrix",
            Self::Shaping => "crates/shape/tests/shaping",
        }
    }
}

/// A test by its whole name, as the test runner knows it.
pub(super) struct Test {
    pub(super) suite: Suite,
    pub(super) name: &'static str,
}

impl Test {
    /// The file that its name leads to.
    #[cfg(test)]
    pub(super) fn file(&self) -> String {
        let path = self.name.rsplit_once("::").map_or("", |(path, _)| path);
        let folder = self.suite.folder();
        match path.strip_suffix("::tests") {
            // Tests of a noun stand in its file, or in a file beside its parts.
            Some(noun) => {
                let noun = noun.replace("::", "/");
                let own = format!("{folder}/{noun}/tests.rs");
                let root = format!("../../{own}");
                match std::path::Path::new(&root).exists() {
                    true => own,
                    false => format!("{folder}/{noun}.rs"),
                }
            }
            None if path.is_empty() => format!("{folder}/main.rs"),
            None => format!("{folder}/{}.rs", path.replace("::", "/")),
        }
    }
}

const fn unit(name: &'static str) -> Test {
    let suite = Suite::Kernel;
    Test { suite, name }
}

const fn promise(name: &'static str) -> Test {
    let suite = Suite::Promises;
    Test { suite, name }
}

const fn model(name: &'static str) -> Test {
    let suite = Suite::Model;
    Test { suite, name }
}

const fn piece(name: &'static str) -> Test {
    let suite = Suite::Gateway;
    Test { suite, name }
}

const fn request(name: &'static str) -> Test {
    let suite = Suite::Requests;
    Test { suite, name }
}

const fn served(name: &'static str) -> Test {
    let suite = Suite::Server;
    Test { suite, name }
}

const fn simulated(name: &'static str) -> Test {
    let suite = Suite::Sim;
    Test { suite, name }
}

const fn command(name: &'static str) -> Test {
    let suite = Suite::Command;
    Test { suite, name }
}

const fn wire(name: &'static str) -> Test {
    let suite = Suite::Wire;
    Test { suite, name }
}

const fn pair(name: &'static str) -> Test {
    let suite = Suite::Matrix;
    Test { suite, name }
}

const fn shaped(name: &'static str) -> Test {
    let suite = Suite::Shaping;
    Test { suite, name }
}

/// All of them, in the order of their numbers.
pub(super) fn all() -> impl Iterator<Item = &'static Mutant> {
    let groups = [
        waiting::ALL,
        upstream::ALL,
        keyed::ALL,
        calls::ALL,
        gateway::ALL,
        reload::ALL,
        edges::ALL,
        dialects::ALL,
        configuration::ALL,
        crossing::ALL,
        lent::ALL,
        shape::ALL,
        rows::ALL,
        answers::ALL,
    ];
    groups.into_iter().flatten()
}
