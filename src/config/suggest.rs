//! The nearest right word for a wrong one. Pure.

/// The candidate a person most likely meant, if any is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normal(word);
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&word, &normal(candidate))?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn normal(word: &str) -> String {
    word.to_lowercase().replace(['-', '_', ' '], "_")
}

/// One slip for each three letters is a slip of the pen; so is a word cut short or drawn out.
fn distance(word: &str, candidate: &str) -> Option<usize> {
    let letters = word.chars().count().max(candidate.chars().count());
    let distance = strsim::damerau_levenshtein(word, candidate);
    let shorter = word.len().min(candidate.len());
    let extended = shorter >= 3 && (word.starts_with(candidate) || candidate.starts_with(word));
    (distance * 3 <= letters.max(3) || extended).then_some(distance)
}

/// `` `a`, `b` or `c` ``.
pub fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let keys = ["image", "build", "port", "host_port", "env", "env_file", "health", "depends_on", "replicas"];
        for (word, wanted) in [
            ("prot", Some("port")),
            ("ports", Some("port")),
            ("hostPort", Some("host_port")),
            ("host-port", Some("host_port")),
            ("environment", Some("env")),
            ("healthcheck", Some("health")),
            ("dependsOn", Some("depends_on")),
            ("replica", Some("replicas")),
            ("entrypoint", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), wanted, "{word}");
        }
    }

    #[test]
    fn words_are_listed_as_a_person_would() {
        assert_eq!(either(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(either(["a"]), "`a`");
    }
}
