//! What several of these tests send.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

/// All encodings of X25519 points of low order: the canonical ones, then p, p + 1 and those with the ignored top bit set.
pub(crate) fn low_order_points() -> Vec<[u8; 32]> {
    let mut points: Vec<[u8; 32]> = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .map(|point| hex::decode(point).unwrap().try_into().unwrap())
    .to_vec();
    for point in points.clone() {
        let mut high = point;
        high[31] |= 0x80;
        points.push(high);
    }
    points
}
