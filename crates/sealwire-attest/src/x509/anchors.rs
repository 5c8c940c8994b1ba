use super::Certificate;
use crate::Endorsements;

/// The certificates of a PEM file under `anchors/`, which is a part of this crate. One that did not parse would be a
/// root that vouches for nobody; a test of each vendor's holds them to their documented fingerprints.
pub(crate) fn anchors(pem: &[u8]) -> Vec<Certificate> {
    let mut file = Endorsements::default();
    match file.add(pem) {
        Ok(()) => file.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect(),
        Err(_) => Vec::new(),
    }
}

/// AT-02: an anchor has a row in the table of the README beside it, by fingerprint and name.
#[cfg(test)]
pub(crate) fn assert_documented(anchor: &Certificate, table: &str) {
    let fingerprint = hex::encode(anchor.fingerprint());
    let row = table.lines().find(|line| line.contains(&fingerprint)).unwrap();
    assert!(row.contains(&format!("| {} |", anchor.common_name())), "{row}");
}
