//! `[tls]`: what two files must be, told by the key of the one that is wrong.
//! What is only doubtful is a warning, and the configuration is served.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tidegate_testkit::Certificate;
use tidegate_testkit::gate::Folder;

use super::*;

/// A folder with this pair.
fn folder(cert: &str, key: &str) -> Folder {
    let folder = Folder::new();
    folder.file("cert.pem", cert);
    let key = folder.file("key.pem", key);
    std::fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
    folder
}

/// Reads a file that stands beside them, so that relative paths are its own.
fn read_in(folder: &Folder, tls: &str) -> Result<Loaded, Problems> {
    let file = folder.file("tidegate.toml", &format!("[tls]\n{tls}\n"));
    let source = Source {
        file: File::At(file),
        ..Source::default()
    };
    load(source, &env(&[]))
}

const BOTH: &str = "cert = \"cert.pem\"\nkey = \"key.pem\"";

fn only(problems: &Problems) -> (Severity, &str, String) {
    assert_eq!(problems.iter().count(), 1, "{problems}");
    let one = problems.iter().next().unwrap();
    (one.severity, &one.key, one.to_string())
}

#[test]
fn a_pair_is_taken_relative_to_the_file() {
    let good = Certificate::good();
    let folder = folder(&good.chain_pem(), &good.key_pem());
    let loaded = read_in(&folder, BOTH).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let tls = loaded.config.tls;
    assert!(tls.is_on());
    assert_eq!(tls.cert.unwrap(), folder.path().join("cert.pem"));
    assert!(!read("").unwrap().config.tls.is_on());
}

#[test]
fn what_is_wrong_with_a_pair_is_an_error_by_its_key() {
    let (good, other) = (Certificate::good(), Certificate::good());
    let both = folder(&good.chain_pem(), &other.key_pem());
    let problems = read_in(&both, BOTH).unwrap_err();
    let (severity, key, text) = only(&problems);
    assert_eq!((severity, key), (Severity::Error, "tls.key"));
    assert!(
        text.contains("does not belong to the certificate"),
        "{text}"
    );
    assert!(text.contains("tidegate.toml:3:7"), "{text}");
    for (half, key) in [
        ("cert = \"cert.pem\"", "tls.cert"),
        ("key = \"key.pem\"", "tls.key"),
    ] {
        let problems = read_in(&both, half).unwrap_err();
        let (severity, found, text) = only(&problems);
        assert_eq!((severity, found), (Severity::Error, key));
        assert!(text.contains("half of a pair"), "{text}");
    }
    let problems = read_in(&both, "cert = \"none.pem\"\nkey = \"key.pem\"").unwrap_err();
    assert_eq!(only(&problems).1, "tls.cert", "no word about the other");
}

#[test]
fn what_is_doubtful_is_a_warning() {
    let old = Certificate::expired();
    let folder = folder(&old.chain_pem(), &old.key_pem());
    let loaded = read_in(&folder, BOTH).unwrap();
    let (severity, key, text) = only(&loaded.warnings);
    assert_eq!((severity, key), (Severity::Warning, "tls.cert"));
    assert!(text.contains("has expired"), "{text}");

    let good = Certificate::good();
    folder.file("cert.pem", &good.chain_pem());
    let path = folder.file("key.pem", &good.key_pem());
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let loaded = read_in(&folder, BOTH).unwrap();
    let (severity, key, text) = only(&loaded.warnings);
    assert_eq!((severity, key), (Severity::Warning, "tls.key"));
    assert!(
        text.contains("everybody") && text.contains("chmod 600"),
        "{text}"
    );

    let loaded = read_in(&folder, "handshake_timeout = \"1s\"").unwrap();
    assert_eq!(only(&loaded.warnings).1, "tls.handshake_timeout");
}

#[test]
fn tls_is_no_key_of_callers() {
    let good = Certificate::good();
    let folder = folder(&good.chain_pem(), &good.key_pem());
    let file = folder.file(
        "tidegate.toml",
        &format!("listen = \"0.0.0.0:7070\"\n[tls]\n{BOTH}\n"),
    );
    let source = Source {
        file: File::At(file),
        ..Source::default()
    };
    let problems = load(source, &env(&[])).unwrap_err();
    assert_eq!(
        only(&problems).1,
        "listen",
        "contracts 9 holds with TLS too"
    );
}
