//! What the name of a Claude model tells, whoever serves it: Anthropic's API and
//! Amazon's know the same models by nearly the same names.

/// Whether it thinks as it sees fit, told by an effort; those before 4.6 are given
/// a budget of tokens. By the version, as in `claude-3-7-sonnet-20250219`,
/// `claude-opus-4-6`, `claude-sonnet-4@20250514` or `claude-opus-5`; what has none,
/// or is no Claude, is of the newer ones.
pub(crate) fn adapts(model: &str) -> bool {
    let Some((_, name)) = model.split_once("claude-") else {
        return true;
    };
    let number = |word: &str| word.parse::<u32>().ok().filter(|number| *number < 100);
    let words = name.split(['-', '.', '@']);
    let mut words = words.skip_while(|word| number(word).is_none());
    let Some(major) = words.next().and_then(number) else {
        return true;
    };
    let minor = words.next().and_then(number).unwrap_or(0);
    (major, minor) >= (4, 6)
}

#[cfg(test)]
mod tests {
    use super::adapts;

    #[test]
    fn a_version_tells_how_a_model_thinks() {
        for (model, told) in [
            ("claude-3-7-sonnet-20250219", false),
            ("claude-3-7-sonnet-latest", false),
            ("claude-3.5-haiku", false),
            ("claude-sonnet-4-20250514", false),
            ("claude-sonnet-4@20250514", false),
            ("claude-opus-4-5", false),
            ("claude-opus-4-5-20251101", false),
            ("eu.anthropic.claude-opus-4-20250514-v1:0", false),
            ("claude-opus-4-6", true),
            ("claude-sonnet-4.6", true),
            ("anthropic.claude-opus-4-6-v1:0", true),
            ("claude-opus-5", true),
            ("claude-opus-5-20270101", true),
            ("claude-mythos-preview", true),
            ("claude-", true),
            ("claude-99999999999999999999-1", false),
            ("another-3", true),
        ] {
            assert_eq!(adapts(model), told, "{model}");
        }
    }
}
