"""Public keys and verification of SLH-DSA-SHA2-192f (FIPS 205), pure, with an empty context."""

import hashlib

N, H, D, A, K, W = 24, 66, 22, 8, 33, 16
HEIGHT = H // D
CHAINS = 2 * N + 3
WOTS_HASH, WOTS_PK, TREE, FORS_TREE, FORS_ROOTS, WOTS_PRF = 0, 1, 2, 3, 4, 5


def address(layer, tree, kind, *words):
    """Compressed, 22 bytes (FIPS 205 section 11.2)."""
    words = b"".join(word.to_bytes(4, "big") for word in words)
    return bytes([layer]) + tree.to_bytes(8, "big") + bytes([kind]) + words.ljust(12, b"\0")


def f(seed, place, value):
    return hashlib.sha256(seed + bytes(64 - N) + place + value).digest()[:N]


def t(seed, place, value):
    return hashlib.sha512(seed + bytes(128 - N) + place + value).digest()[:N]


def public_key(secret, seed):
    """From SK.seed and PK.seed: PK.seed and the root of the tree at the top (algorithm 18)."""
    top, nodes = D - 1, []
    for leaf in range(1 << HEIGHT):
        ends = b""
        for chain in range(CHAINS):
            value = f(seed, address(top, 0, WOTS_PRF, leaf, chain), secret)
            for step in range(W - 1):
                value = f(seed, address(top, 0, WOTS_HASH, leaf, chain, step), value)
            ends += value
        nodes.append(t(seed, address(top, 0, WOTS_PK, leaf), ends))
    for level in range(1, HEIGHT + 1):
        pairs = zip(nodes[::2], nodes[1::2])
        nodes = [t(seed, address(top, 0, TREE, 0, level, at), a + b) for at, (a, b) in enumerate(pairs)]
    return seed + nodes[0]


def verify(public_key, message, signature):
    if len(public_key) != 2 * N or len(signature) != N + K * (1 + A) * N + (H + D * CHAINS) * N:
        return False
    seed, root = public_key[:N], public_key[N:]

    def take(count):
        nonlocal signature
        taken, signature = signature[:count], signature[count:]
        return taken

    def climb(node, index, height, place):
        for level in range(1, height + 1):
            other = take(N)
            pair = other + node if index & 1 else node + other
            index >>= 1
            node = t(seed, place(level, index), pair)
        return node

    randomizer = take(N)
    message = b"\0\0" + message
    inner = randomizer + seed + hashlib.sha512(randomizer + seed + root + message).digest()
    digest = hashlib.sha512(inner + bytes(4)).digest()[:42]
    indices, tree, leaf = digest[:33], int.from_bytes(digest[33:41], "big") % (1 << H - HEIGHT), digest[41] % 8

    roots = b""
    for number, index in enumerate(indices):
        index += number << A
        place = lambda level, index: address(0, tree, FORS_TREE, leaf, level, index)
        roots += climb(f(seed, place(0, index), take(N)), index, A, place)
    node = t(seed, address(0, tree, FORS_ROOTS, leaf), roots)

    for layer in range(D):
        digits = [digit for byte in node for digit in (byte >> 4, byte & 15)]
        checksum = sum(W - 1 - digit for digit in digits)
        digits += [checksum >> 8, checksum >> 4 & 15, checksum & 15]
        ends = b""
        for chain, digit in enumerate(digits):
            value = take(N)
            for step in range(digit, W - 1):
                value = f(seed, address(layer, tree, WOTS_HASH, leaf, chain, step), value)
            ends += value
        place = lambda level, index: address(layer, tree, TREE, 0, level, index)
        node = climb(t(seed, address(layer, tree, WOTS_PK, leaf), ends), leaf, HEIGHT, place)
        leaf, tree = tree % 8, tree >> HEIGHT
    return node == root
