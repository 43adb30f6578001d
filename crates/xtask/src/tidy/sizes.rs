//! Rule: files of at most 500 lines of code, functions of at most 70, tests
//! inside a file of at most 100. Comments and blank lines are free.
//!
//! The tail, not the median, makes a tree hard to read, so it is the tail that
//! is held. Test files are held like others; a file that does not lex fails.

use super::Violation;
use super::tree::Tree;

/// Lines of code in a file, its unit tests not counted.
pub(super) const FILE: usize = 500;
/// Lines of code in a function, from `fn` to its closing brace.
pub(super) const FUNCTION: usize = 70;
/// Lines of code in unit tests that stand in the file they test.
const INNER_TESTS: usize = 100;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let mut tell = |line, what: String| found.push(Violation::new(&source.path, line, what));
        if let Some(problem) = &source.broken {
            tell(1, format!("this is not Rust ({problem}); repair it"));
        }
        let size = source.size();
        if size > FILE {
            tell(
                1,
                format!("{size} lines of code, at most {FILE}; give a part its own file"),
            );
        }
        for function in source
            .functions
            .iter()
            .filter(|function| function.size > FUNCTION)
        {
            let (name, size) = (&function.name, function.size);
            tell(
                function.line,
                format!("`{name}` has {size} lines, at most {FUNCTION}; name its parts"),
            );
        }
        for range in &source.tests {
            let size = source.lines.code_in(range.clone());
            if !source.is_test && size > INNER_TESTS {
                tell(
                    range.start,
                    format!(
                        "{size} lines of tests, at most {INNER_TESTS}; move them to a child file `tests.rs`"
                    ),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, size: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    a();\n".repeat(size - 2))
    }

    fn found(text: &str) -> Vec<(usize, String)> {
        let tree = Tree::sample(&[("crates/a/src/lib.rs", text)]);
        check(&tree)
            .into_iter()
            .map(|one| (one.line, one.what))
            .collect()
    }

    #[test]
    fn a_function_may_have_70_lines_and_not_71() {
        assert_eq!(found(&function("fits", FUNCTION)), []);
        let large = found(&format!(
            "{}{}",
            function("a", 3),
            function("large", FUNCTION + 1)
        ));
        assert_eq!(large.len(), 1);
        assert_eq!(large[0].0, 4);
        assert!(large[0].1.starts_with("`large` has 71 lines"));
    }

    #[test]
    fn a_file_may_have_500_lines_besides_comments_and_tests() {
        let full = "const A: u8 = 1;\n".repeat(FILE);
        let extra = "// why\n\n#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
        assert_eq!(found(&format!("{full}{extra}")), []);
        assert!(
            found(&format!("{full}const B: u8 = 1;\n"))[0]
                .1
                .starts_with("501 lines of code")
        );
    }

    #[test]
    fn long_tests_move_to_a_child_file() {
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    const A: u8 = 1;\n".repeat(98)
        );
        assert!(found(&tests)[0].1.starts_with("101 lines of tests"));
    }

    #[test]
    fn what_does_not_lex_is_told() {
        assert!(found("fn a() {")[0].1.starts_with("this is not Rust"));
    }
}
