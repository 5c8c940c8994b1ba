use std::path::PathBuf;

/// Why nothing was reserved. Every variant means refusal: the request must not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bound on live entries is reached; a live one is never evicted (OB-61).
    #[error("the replay register is full")]
    Full,
    /// The reservation would be over already, or would end no later than one that has been forgotten.
    #[error("the reservation would already be over")]
    Expired,
    /// The store cannot be asked, or could not make the reservation durable.
    #[error("the replay store is unavailable")]
    Unavailable,
    /// The space is longer than 64 bytes, or the id is empty or longer than 128 bytes.
    #[error("a space of at most 64 bytes and an id of 1 to 128 bytes are needed")]
    KeyLength,
    /// Another process, or another store of this one, has the file open.
    #[error("{} is in use by another store", .0.display())]
    Locked(PathBuf),
    /// The file is not one of ours, or is damaged.
    #[error("{} is not an intact store: {reason}", .path.display())]
    Corrupt {
        /// the file
        path: PathBuf,
        /// what is wrong with it
        reason: String,
    },
    /// Others than the owner can reach the file, and so could remove reservations from it.
    #[error("{} has mode {mode:03o}; it must be open to its owner alone: chmod 600 {}", .path.display(), .path.display())]
    Permissions {
        /// the file
        path: PathBuf,
        /// its permission bits
        mode: u32,
    },
    /// The file could not be opened or made.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// the file
        path: PathBuf,
        /// what the system said
        source: std::io::Error,
    },
}
