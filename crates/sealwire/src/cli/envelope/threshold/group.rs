//! A group, in a file.

use crate::cli::{
    exit::{Failure, OrNext},
    files,
};
use anyhow::anyhow;
use sealwire_envelope::threshold::{Group, Participant};
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sender: String,
    m: usize,
    participants: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Member {
    signer_id: String,
    public_key: String,
    pop: String,
}

/// Reads and checks a group: every key comes with a proof that it is held.
pub(super) fn read(path: &Path) -> Result<Group, Failure> {
    let file: File = serde_json::from_str(&files::read_text(path)?)
        .map_err(|error| anyhow!("{}: {error}", path.display()))
        .or_usage()?;
    let members = file
        .participants
        .iter()
        .map(|member| {
            Participant::register(&member.signer_id, &member.public_key, &member.pop)
                .map_err(|reason| anyhow!("{}: {reason}", member.signer_id))
                .or_usage()
        })
        .collect::<Result<_, Failure>>()?;
    Group::new(&file.sender, file.m, members).or_usage()
}
