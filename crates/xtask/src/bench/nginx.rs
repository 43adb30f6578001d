//! nginx as a plain proxy: the yardstick.
//!
//! It gets every setting that makes a proxy of streams fast: kept connections on
//! both sides, no buffering of answers, no delay, no access log, a body buffer
//! that holds the largest prompt, and one worker a core, as Tidegate's runtime has.

use std::{fmt::Write as _, net::SocketAddr, process::Command};

use super::process::Folder;
use crate::workspace::{Outcome, answers};

/// What to tell when nginx is not there.
pub(crate) const MISSING: &str =
    "nginx is not installed and the benchmark installs nothing: apt-get install -y nginx-light";

/// Where nginx is, if it is there; Debian keeps it out of a user's path.
pub(crate) fn find() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .find(|program| answers(Command::new(program).arg("-v")))
}

/// The command that runs it in the foreground, with its files in `folder`.
pub(crate) fn command(
    program: &str,
    folder: &Folder,
    at: SocketAddr,
    upstream: SocketAddr,
) -> Outcome<Command> {
    let file = folder.write("nginx.conf", &configuration(at, upstream))?;
    let mut command = Command::new(program);
    command
        .args(["-e", "stderr", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(file);
    Ok(command)
}

fn configuration(at: SocketAddr, upstream: SocketAddr) -> String {
    let mut text = String::from(
        "daemon off;\nworker_processes auto;\nworker_rlimit_nofile 16384;\npid nginx.pid;\n\
         error_log stderr error;\nevents { worker_connections 8192; }\nhttp {\n  access_log off;\n  \
         tcp_nodelay on;\n  keepalive_requests 100000000;\n  client_max_body_size 16m;\n  \
         client_body_buffer_size 1m;\n",
    );
    for folder in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {folder}_temp_path temp_{folder};");
    }
    let _ = write!(
        text,
        "  upstream model {{\n    server {upstream};\n    keepalive 512;\n    \
         keepalive_requests 100000000;\n  }}\n  server {{\n    listen {at} backlog=4096;\n    \
         location / {{\n      proxy_pass http://model;\n      proxy_http_version 1.1;\n      \
         proxy_set_header Connection \"\";\n      proxy_buffering off;\n    }}\n  }}\n}}\n"
    );
    text
}

/// The version as nginx tells it.
pub(crate) fn version(program: &str) -> String {
    let told = Command::new(program)
        .arg("-v")
        .output()
        .map(|output| output.stderr);
    let told = String::from_utf8(told.unwrap_or_default()).unwrap_or_default();
    told.trim()
        .rsplit_once('/')
        .map_or("nginx", |(_, version)| version)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_taken_by_nginx_where_there_is_one() {
        let at = SocketAddr::from(([127, 0, 0, 1], 9100));
        let text = configuration(at, at);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("server 127.0.0.1:9100;") && text.contains("proxy_buffering off;"));
        if let Some(program) = find() {
            let folder = Folder::make("nginx-test").unwrap();
            let tested = command(program, &folder, at, at)
                .unwrap()
                .arg("-t")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&tested.stderr).into_owned();
            assert!(tested.status.success(), "{said}");
        }
    }
}
