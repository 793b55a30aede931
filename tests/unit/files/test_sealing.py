"""An encrypted file gives back what was written, in any part of it, or nothing."""

import base64
import io
import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from hypothesis import given
from hypothesis import strategies as st

from workbench.files.errors import FileDamaged, FileKeyMissing, StoreUnfit
from workbench.files.folder import WholeFileStorage
from workbench.files.keys import FileKey, read_keys
from workbench.files.sealing import HEADER_BYTES, SEALED_SEGMENT, SEGMENT, Sealing, Unsealing
from workbench.files.storage import SealingStorage, plain_name_of

KEY, OTHER = FileKey(bytes(range(32))), FileKey(bytes(32))
CONTENT = os.urandom(3 * SEGMENT + 1234)
SIZES = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT]


def seal(content: bytes, name: str = "a", key: FileKey = KEY) -> bytes:
    return Sealing(io.BytesIO(content), key, name).read()


def unseal(sealed: bytes, name: str = "a", key: FileKey = KEY) -> io.BufferedReader:
    return io.BufferedReader(Unsealing(io.BytesIO(sealed), len(sealed), key, name))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read(size: int) -> None:
    sealed = seal(CONTENT[:size])
    assert unseal(sealed).read() == CONTENT[:size]
    assert CONTENT[:64] not in sealed


@given(st.integers(0, len(CONTENT) + 10), st.integers(0, 2 * SEGMENT))
def test_any_range_is_read_alone(start: int, size: int) -> None:
    opened = unseal(SEALED)
    opened.seek(start)
    assert opened.read(size) == CONTENT[start : start + size]


SEALED = seal(CONTENT)


def cut(sealed: bytes) -> dict[str, bytes]:
    head, body = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
    parts = [body[at : at + SEALED_SEGMENT] for at in range(0, len(body), SEALED_SEGMENT)]
    one, two, three, last = parts
    return {
        "cut off within a segment": sealed[:-1],
        "cut off after a segment": head + one + two + three,
        "cut off in the tag": sealed[: -(1234 + 10)],
        "only the header": head,
        "nothing": b"",
        "two segments in the other order": head + two + one + three + last,
        "a segment twice": head + one + one + two + three + last,
        "a segment left out": head + one + three + last,
        "a segment after the last": sealed + last,
        "a segment of another file": head + one + seal(CONTENT)[HEADER_BYTES:][
            SEALED_SEGMENT : 2 * SEALED_SEGMENT
        ] + three + last,
        "the header of another file": seal(CONTENT)[:HEADER_BYTES] + body,
    }  # fmt: skip


@pytest.mark.parametrize("name", cut(SEALED))
def test_what_was_not_written_so_is_refused(name: str) -> None:
    changed = cut(SEALED)[name]
    with pytest.raises(FileDamaged):
        unseal(changed).read()


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_each_changed_byte_is_found(at: int, by: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= by
    with pytest.raises(FileDamaged):
        unseal(bytes(changed)).read()


def test_an_empty_file_is_not_what_is_left_of_another() -> None:
    with pytest.raises(FileDamaged):
        unseal(SEALED[: HEADER_BYTES + 16]).read()


def test_one_file_does_not_stand_in_the_place_of_another() -> None:
    with pytest.raises(FileDamaged):
        unseal(seal(CONTENT, "a"), "b").read()


def test_the_same_content_is_never_encrypted_to_the_same_bytes() -> None:
    assert seal(CONTENT) != seal(CONTENT)


# --- As a store ------------------------------------------------------------------------------


def test_files_from_before_and_after_a_rotation_are_read(tmp_path: Path) -> None:
    folder = WholeFileStorage(location=tmp_path)
    names = [
        SealingStorage(folder, keys).save("ab/abcd", ContentFile(CONTENT))
        for keys in ((), (OTHER,), (KEY, OTHER))
    ]
    assert [plain_name_of(name) for name in names] == ["ab/abcd"] * 3
    now = SealingStorage(folder, (KEY, OTHER))
    for name in names:
        with now.open(name) as opened:
            assert opened.read() == CONTENT
        assert now.size(name) == len(CONTENT)
    assert names[2].endswith(KEY.id)
    with pytest.raises(FileKeyMissing, match=f"key {OTHER.id}.*Add that key"):
        SealingStorage(folder, (KEY,)).open(names[1])
    with pytest.raises(FileKeyMissing):
        SealingStorage(folder).open(names[1])


def test_a_plain_file_is_not_taken_for_an_encrypted_one(tmp_path: Path) -> None:
    store = SealingStorage(WholeFileStorage(location=tmp_path), (KEY,))
    name = store.save("ab/abcd", ContentFile(CONTENT))
    Path(store.path(name)).write_bytes(CONTENT)
    with pytest.raises(FileDamaged, match="Restore it from a backup"):
        store.open(name)


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            taken = super().read(size)
            assert list(tmp_path.glob("ab/*")) == []
            if not taken:
                raise OSError("the line broke")
            return taken

    from django.core.files.base import File

    for keys in ((), (KEY,)):
        store = SealingStorage(WholeFileStorage(location=tmp_path), keys)
        with pytest.raises(OSError, match="the line broke"):
            store.save("ab/abcd", File(Broken(CONTENT), "x"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# --- Keys ------------------------------------------------------------------------------------


def write(key: FileKey) -> str:
    return base64.b64encode(key.secret).decode()


def test_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    assert read_keys([write(KEY), write(OTHER)], "") == (KEY, OTHER)
    path = tmp_path / "keys"
    path.write_text(f"# newest first\n{write(KEY)}\n\n{write(OTHER)}\n")
    assert read_keys([], str(path)) == (KEY, OTHER)
    assert read_keys([], "") == ()


@pytest.mark.parametrize("given_key", ["banana", "YQ==", "ä" * 44])
def test_a_key_that_is_none_is_refused_and_not_shown(given_key: str) -> None:
    with pytest.raises(StoreUnfit) as refused:
        read_keys([given_key], "")
    assert given_key not in str(refused.value)
    assert "openssl rand" in refused.value.remedy


def test_a_file_of_keys_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_text("# none yet\n")
    for path in (missing, empty):
        with pytest.raises(StoreUnfit, match=path.name):
            read_keys([], str(path))
    with pytest.raises(StoreUnfit, match="both set"):
        read_keys([write(KEY)], str(empty))


def test_a_key_is_not_shown_with_its_object() -> None:
    assert repr(KEY) == "FileKey()"
