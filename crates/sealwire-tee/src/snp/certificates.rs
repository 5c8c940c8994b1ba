//! The host's table of certificates (GHCB specification 56421, section 4.1.8.1): entries of GUID, offset and length,
//! ended by an entry of zeros, then what they point to.

use crate::Error;
use sealwire_attest::Endorsements;

const GUID_LEN: usize = 16;
const ENTRY_LEN: usize = 24;
/// More than there are kinds of certificates.
const MAX_ENTRIES: usize = 16;

/// What the table holds. The host made it, so nothing in it is trusted; a verifier tells what each thing is by its
/// content, and hosts write GUIDs in two byte orders, so GUIDs only tell the end of the table.
pub(super) fn endorsements(table: &[u8]) -> Result<Endorsements, Error> {
    let mut endorsements = Endorsements::default();
    // Hosts that give no certificates leave the file empty.
    if table.is_empty() {
        return Ok(endorsements);
    }
    for entry in table.chunks_exact(ENTRY_LEN).take(MAX_ENTRIES) {
        let (guid, place) = entry.split_at(GUID_LEN);
        if guid.iter().all(|byte| *byte == 0) {
            return Ok(endorsements);
        }
        let content = content(table, place).ok_or(Error::CertificateTable)?;
        if let Err(error) = endorsements.add(content) {
            tracing::debug!(guid = %hex::encode(guid), %error, "an entry of the host's certificate table is passed over");
        }
    }
    Err(Error::CertificateTable)
}

fn content<'a>(table: &'a [u8], place: &[u8]) -> Option<&'a [u8]> {
    let (offset, length) = place.split_first_chunk::<4>()?;
    let offset = usize::try_from(u32::from_le_bytes(*offset)).ok()?;
    let length = usize::try_from(u32::from_le_bytes(*length.first_chunk::<4>()?)).ok()?;
    table.get(offset..offset.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(guid: u8, offset: u32, length: u32) -> Vec<u8> {
        [&[guid; GUID_LEN][..], &offset.to_le_bytes(), &length.to_le_bytes()].concat()
    }

    fn is_malformed(table: &[u8]) -> bool {
        matches!(endorsements(table), Err(Error::CertificateTable))
    }

    #[test]
    fn tables_are_bounded() {
        let end = entry(0, 0, 0);
        assert_eq!(endorsements(&[]).unwrap(), Endorsements::default());
        assert_eq!(endorsements(&end).unwrap(), Endorsements::default());
        // No end, a place outside of the table, a sum that overflows.
        assert!(is_malformed(&entry(1, 0, 0)));
        assert!(is_malformed(&[0; 23]));
        assert!(is_malformed(&[entry(1, 48, 1), end.clone()].concat()));
        assert!(is_malformed(&[entry(1, u32::MAX, u32::MAX), end.clone()].concat()));
        assert!(is_malformed(&[entry(1, 0, 0).repeat(MAX_ENTRIES), end.clone()].concat()));
        // What is no certificate is passed over.
        assert_eq!(endorsements(&[entry(1, 0, 48), end].concat()).unwrap(), Endorsements::default());
    }

    proptest::proptest! {
        // AT-08
        #[test]
        fn any_bytes_are_a_table_or_an_error(at in 0usize..100, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            let mut table = [entry(1, 48, 20), entry(0, 0, 0), vec![0x30; 20]].concat();
            let end = (at + bytes.len()).min(table.len());
            table.splice(at.min(end)..end, bytes);
            let _ = endorsements(&table);
        }
    }
}
