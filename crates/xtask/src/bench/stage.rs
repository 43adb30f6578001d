//! The three processes of a run: the simulated upstream, nginx and Tidegate.
//!
//! All stand at the same time and the idle ones cost nothing, so that rounds can
//! go to and fro between them. Tidegate runs as it ships: what a user would write
//! into a configuration file, and nothing switched off.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    nginx,
    process::{Folder, Process, free_address},
};
use crate::workspace::Outcome;

/// What a round is driven against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The upstream itself: what latency is added to.
    Direct,
    Nginx,
    Tidegate,
}

impl Subject {
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Nginx, Self::Tidegate];
    /// Those that stand between a caller and the upstream.
    pub(crate) const BETWEEN: [Self; 2] = [Self::Nginx, Self::Tidegate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Tidegate => "Tidegate",
        }
    }
}

/// A process and where it listens.
struct Standing {
    process: Process,
    at: SocketAddr,
}

/// The processes, ended with their owner.
pub(crate) struct Stage {
    binary: PathBuf,
    nginx_program: &'static str,
    sim: Standing,
    nginx: Standing,
    tidegate: Standing,
    // Last, so that the processes are gone before their folder is.
    folder: Folder,
}

impl Stage {
    /// Starts all three and waits until they answer.
    pub(crate) fn start(binary: &Path, nginx_program: &'static str) -> Outcome<Self> {
        let folder = Folder::make("bench")?;
        let at = free_address()?;
        let mut command = Command::new(binary);
        command.args(["sim", "--port", &at.port().to_string()]);
        let sim = standing("sim", &mut command, &folder, at, "/livez")?;
        let nginx = start_nginx(nginx_program, &folder, sim.at)?;
        let tidegate = start_tidegate(binary, &folder, sim.at)?.0;
        Ok(Self {
            binary: binary.to_owned(),
            nginx_program,
            sim,
            nginx,
            tidegate,
            folder,
        })
    }

    /// Starts nginx and Tidegate anew, so that memory left from earlier rows does
    /// not hide what the next one takes.
    pub(crate) fn refresh(&mut self) -> Outcome {
        self.nginx = start_nginx(self.nginx_program, &self.folder, self.sim.at)?;
        self.tidegate = start_tidegate(&self.binary, &self.folder, self.sim.at)?.0;
        Ok(())
    }

    /// Starts one more Tidegate beside the others, and ends it: the time from its
    /// start to the first `/readyz` that says 200.
    pub(crate) fn time_to_ready(&self) -> Outcome<Duration> {
        start_tidegate(&self.binary, &self.folder, self.sim.at).map(|(_, time)| time)
    }

    /// Where `subject` listens.
    pub(crate) fn at(&self, subject: Subject) -> SocketAddr {
        self.standing(subject).at
    }

    /// The process of `subject`.
    pub(crate) fn process(&self, subject: Subject) -> &Process {
        &self.standing(subject).process
    }

    fn standing(&self, subject: Subject) -> &Standing {
        match subject {
            Subject::Direct => &self.sim,
            Subject::Nginx => &self.nginx,
            Subject::Tidegate => &self.tidegate,
        }
    }
}

/// A Tidegate with this configuration, and where it listens.
pub(crate) fn tidegate(
    binary: &Path,
    folder: &Folder,
    configuration: impl FnOnce(SocketAddr) -> String,
) -> Outcome<(Process, SocketAddr)> {
    let at = free_address()?;
    let file = folder.write(&format!("{}.toml", at.port()), &configuration(at))?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(file);
    let Standing { process, at } = standing("tidegate", &mut command, folder, at, "/readyz")?;
    Ok((process, at))
}

fn standing(
    name: &'static str,
    command: &mut Command,
    folder: &Folder,
    at: SocketAddr,
    path: &str,
) -> Outcome<Standing> {
    let mut process = Process::start(name, command, folder.path())?;
    process.ready(at, path)?;
    Ok(Standing { process, at })
}

fn start_nginx(program: &str, folder: &Folder, upstream: SocketAddr) -> Outcome<Standing> {
    let at = free_address()?;
    standing(
        "nginx",
        &mut nginx::command(program, folder, at, upstream)?,
        folder,
        at,
        "/livez",
    )
}

fn start_tidegate(
    binary: &Path,
    folder: &Folder,
    upstream: SocketAddr,
) -> Outcome<(Standing, Duration)> {
    let at = free_address()?;
    let file = folder.write(&format!("{}.toml", at.port()), &configuration(at, upstream))?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(file);
    let mut process = Process::start("tidegate", &mut command, folder.path())?;
    let time = process.ready(at, "/readyz")?;
    Ok((Standing { process, at }, time))
}

/// The configuration that Tidegate is measured with.
pub(crate) fn configuration(at: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "listen = \"{at}\"\n\
         default_provider = \"bench\"\n\
         [providers.bench]\n\
         kind = \"openai\"\n\
         base_url = \"http://{upstream}/v1\"\n\
         keys = [{{ name = \"main\", value = \"sk-bench\" }}]\n\
         models = [\"*\"]\n\
         pool = {{ size = 2500, min = 2500, queue = 500, queue_bytes = \"256MiB\", overflow = \"block\", \
         max_wait = \"10s\" }}\n"
    )
}
