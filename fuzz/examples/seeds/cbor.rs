//! Just enough CBOR to write what no encoder would.

/// An item of CBOR with its head, for values below 64 KiB.
pub(crate) fn item(major: u8, argument: usize, value: &[u8]) -> Vec<u8> {
    let mut out = match argument {
        0..=0x17 => vec![major << 5 | argument as u8],
        0x18..=0xff => vec![major << 5 | 0x18, argument as u8],
        _ => vec![major << 5 | 0x19, (argument >> 8) as u8, argument as u8],
    };
    out.extend(value);
    out
}

pub(crate) fn bytes(value: &[u8]) -> Vec<u8> {
    item(2, value.len(), value)
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    item(3, value.len(), value.as_bytes())
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    item(4, items.len(), &items.concat())
}

pub(crate) fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> = pairs.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect();
    item(5, pairs.len(), &items)
}

pub(crate) fn uint(value: usize) -> Vec<u8> {
    item(0, value, &[])
}
