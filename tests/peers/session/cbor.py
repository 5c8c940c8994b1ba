"""Deterministic CBOR (RFC 8949 section 4.2.1) of int, bytes, str, list and dict."""


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | extra]) + value.to_bytes(size, "big")
    raise ValueError(value)


def encode(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    pairs = sorted((encode(key), encode(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


def decode(data):
    """Whatever is no deterministic encoding does not come out as it went in."""
    value, rest = item(data)
    if rest or encode(value) != data:
        raise ValueError("not deterministic CBOR")
    return value


def item(data):
    major, value, data = data[0] >> 5, data[0] & 31, data[1:]
    if value >= 24:
        size = 1 << value - 24
        value, data = int.from_bytes(data[:size], "big"), data[size:]
    if major == 0:
        return value, data
    if major in (2, 3):
        if value > len(data):
            raise ValueError("cut")
        return (data[:value] if major == 2 else data[:value].decode()), data[value:]
    if major == 4:
        items = []
        for _ in range(value):
            element, data = item(data)
            items.append(element)
        return items, data
    if major == 5:
        items = {}
        for _ in range(value):
            key, data = item(data)
            items[key], data = item(data)
        return items, data
    raise ValueError("a type that nothing here has")
