use sealwire_envelope::capability::Scope;

/// `GLOB`, or `METHOD,METHOD GLOB`.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let (methods, glob) = match text.trim().split_once(' ') {
        Some((methods, glob)) => (Some(methods.split(',').map(str::to_owned).collect()), glob.trim()),
        None => (None, text.trim()),
    };
    if glob.is_empty() {
        return Err("give a glob, or methods and a glob: 'GET,POST /api/**'".to_owned());
    }
    Ok(Scope { path_glob: glob.to_owned(), methods, max_delegations: None })
}
