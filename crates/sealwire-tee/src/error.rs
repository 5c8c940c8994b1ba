/// Why no evidence could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-60
    #[error("this machine has no TEE that can be found; `--tee development` makes evidence that only a development policy accepts")]
    NoTee,
}
