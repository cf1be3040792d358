//! daprd's own reason for not starting, without what it wraps around it. Pure.

/// What daprd says once for each layer that an error passes (1.14 to 1.18).
const WRAPPING: &str = "initialization error occurred for ";
/// What it adds when a component's own time was over.
const TIMED_OUT: &str = " init timeout for component ";

/// The innermost reason of an error about a component: `process component cache error: [INIT_COMPONENT_FAILURE]:
/// initialization error occurred for cache (state.redis/v1): …: REASON init timeout for component cache (state.redis/v1)`.
/// Other text is given back as it is.
pub fn innermost(error: &str) -> String {
    let mut reason = error.trim();
    if let Some(at) = reason.rfind(WRAPPING)
        && let Some((_, inner)) = reason[at..].split_once("): ")
    {
        reason = inner;
    }
    if let Some((before, _)) = reason.split_once(TIMED_OUT) {
        reason = before;
    }
    while let Some((code, rest)) = reason.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        let is_code = !code.is_empty() && code.chars().all(|one| one.is_ascii_uppercase() || one == '_');
        if !is_code {
            break;
        }
        reason = rest;
    }
    reason.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_reason_is_what_a_person_needs() {
        let wrapped = "process component cache error: [INIT_COMPONENT_FAILURE]: initialization error occurred for cache \
                       (state.redis/v1): [INIT_COMPONENT_FAILURE]: initialization error occurred for cache (state.redis/v1): redis \
                       store: error connecting to redis at nowhere:6379: context deadline exceeded init timeout for component cache \
                       (state.redis/v1)";
        assert_eq!(
            innermost(wrapped),
            "redis store: error connecting to redis at nowhere:6379: context deadline exceeded"
        );
        let unknown = "process component cache error: [INIT_COMPONENT_FAILURE]: initialization error occurred for cache \
                       (state.rediz/v1): [CREATE_COMPONENT_FAILURE]: initialization error occurred for cache (state.rediz/v1): \
                       couldn't find state store state.rediz/v1";
        assert_eq!(innermost(unknown), "couldn't find state store state.rediz/v1");
        assert_eq!(innermost("[NOT_A_REASON]: because"), "because");
        assert_eq!(innermost("bind: address in use"), "bind: address in use");
    }
}
