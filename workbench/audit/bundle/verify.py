# ruff: noqa: PLR2004, PTH123, T201, UP - a script that stands alone, to be read by examiners
"""Verify this bundle of the audit ledger. Python 3.9 or newer, standard library alone.

    python verify.py [--key PUBLIC_KEY_HEX] [FOLDER]

FOLDER holds entries.jsonl and blocks.jsonl (by default, the folder of this script). Compare the
public key with one that you got by another way, or pass it with --key: whoever can write the whole
bundle could have signed it with a key of their own. Exit status: 0 good, 1 bad, 2 unreadable.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Point = tuple[int, int, int, int]

# --- Ed25519, verification only (RFC 8032, section 5.1.7) ---------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a: Point, b: Point) -> Point:
    """Add in extended homogeneous coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    h, g, i, j = f - e, d - c, d + c, f + e
    return (h * g % P, i * j % P, g * i % P, h * j % P)


def point_mul(s: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while s > 0:
        if s & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        s >>= 1
    return result


def point_equal(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def decompress(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    x = recover_x(y & ((1 << 255) - 1), y >> 255)
    y &= (1 << 255) - 1
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    return point_equal(point_mul(s, BASE), point_add(r, point_mul(h, a)))


# --- The ledger ---------------------------------------------------------------

FIRST_HASH = "0" * 64


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def root_from_proof(leaf: str, path: Iterable[tuple[str, str]]) -> str:
    """RFC 9162: an inner node is SHA-256 of 0x01, left, right."""
    for side, sibling in path:
        pair = sibling + leaf if side == "left" else leaf + sibling
        leaf = sha256(b"\x01" + bytes.fromhex(pair))
    return leaf


def read_blocks(lines: Iterable[str], key: str | None, roots: dict[int, str]) -> Iterator[str]:
    """Yield faults, and put the roots into ``roots`` by block number."""
    previous: tuple[int, str] | None = None
    for line in lines:
        block = json.loads(line)
        header = block["header"].encode()
        fields = json.loads(header)
        name = f"block {fields['number']}"
        if key and fields["key"] != key:
            yield f"{name}: signed with the key {fields['key']}, not with the one expected"
        public, signature = bytes.fromhex(fields["key"]), bytes.fromhex(block["signature"])
        if not signature_holds(public, signature, header):
            yield f"{name}: its signature does not hold"
        if previous and (fields["number"], fields["prev"]) != previous:
            yield f"{name}: it does not follow from the block before it"
        previous = (fields["number"] + 1, sha256(header))
        roots[fields["number"]] = fields["root"]


def check_entry(
    entry: Any, roots: dict[int, str], ends: dict[tuple[str, str], tuple[int, str]]
) -> Iterator[str]:
    """Yield what is wrong with one entry. ``ends`` keeps the end of each subject's chain."""
    canonical = entry["canonical"].encode()
    fields = json.loads(canonical)
    leaf = sha256(b"\x00" + canonical)
    if leaf != entry["leaf_hash"]:
        yield "its bytes are not what was hashed"
    if entry["payload"] is not None:
        opened = sha256(bytes.fromhex(entry["salt"]) + entry["payload"].encode())
        if opened != fields["payload"]:
            yield "its payload is not what was committed to"
    subject = (fields["subject"]["kind"], fields["subject"]["id"])
    before = ends.get(subject)
    if fields["seq"] == 1 and fields["prev"] != FIRST_HASH:
        yield "it is the first of its subject, and yet names one before it"
    if before and fields["seq"] == before[0] + 1 and fields["prev"] != before[1]:
        yield "it does not follow from the entry before it"
    ends[subject] = (fields["seq"], leaf)
    if entry["block"] is None:
        return
    if root_from_proof(leaf, entry["proof"]) != roots.get(entry["block"]):
        yield f"it is not in block {entry['block']}"


def verify(folder: pathlib.Path, key: str | None) -> tuple[int, int, int, list[str], list[str]]:
    """Return (number of entries, of sealed ones, of blocks, keys, faults)."""
    faults: list[str] = []
    ends: dict[tuple[str, str], tuple[int, str]] = {}
    roots: dict[int, str] = {}
    count = sealed = 0
    with open(folder / "blocks.jsonl", encoding="utf-8") as lines:
        faults += read_blocks(lines, key, roots)
    with open(folder / "entries.jsonl", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            count += 1
            sealed += entry["block"] is not None
            faults += [f"entry {entry['id']}: {fault}" for fault in check_entry(entry, roots, ends)]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, said, found in (
        ("entries", manifest["entries"], count),
        ("blocks", manifest["blocks"], len(roots)),
    ):
        if said != found:
            faults.append(f"{name}: the manifest says {said}, the bundle holds {found}")
    return count, sealed, len(roots), manifest["keys"], faults


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify a bundle of the audit ledger.")
    parser.add_argument(
        "folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent
    )
    parser.add_argument("--key", help="the public key (hex) that signed every block")
    arguments = parser.parse_args()
    try:
        count, sealed, blocks, keys, faults = verify(arguments.folder, arguments.key)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"The bundle cannot be read: {error!r}")
        return 2
    for fault in faults:
        print(fault)
    told = "BAD" if faults else "good"
    print(f"{count} entries, {sealed} of them sealed in {blocks} blocks: {told}")
    if not arguments.key:
        print("signed with " + (", ".join(keys) or "nothing") + " (compare it, or pass --key)")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
