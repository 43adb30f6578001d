//! The script of the simulated provider: what is wrong with it is told with the
//! configuration, and nothing of it is shown.

use super::*;

#[test]
fn what_is_wrong_with_a_script_is_told_with_the_configuration() {
    assert_eq!(
        refused("[providers.sim]\nscript = \"no/such/rules.toml\"")[0],
        "error 2:10 providers.sim.script cannot be read"
    );
    // A file that is there, and no script.
    let text = format!(
        "[providers.sim]\nscript = \"{}/Cargo.toml\"",
        env!("CARGO_MANIFEST_DIR")
    );
    let told = refused(&text);
    let begins = "error 2:10 providers.sim.script is wrong at 1:";
    assert!(told[0].starts_with(begins), "{told:?}");
}
