"""The files of the signing keys: private to their owner, rotated at once or at a set time, retired by name."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.identity.keys import KeySigns, KeysUnusable, KeyUnknown, ensure_keys, known_keys, read_entries, retire, rotate
from runtime.identity.signatures import KeyRing

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    made = (tmp_path / "signing-keys.json", tmp_path / "verification-keys.json")
    ensure_keys(*made, NOW)
    return made


def test_private_keys_are_readable_by_their_owner_alone_after_each_change(files: tuple[Path, Path]) -> None:
    for _ in range(2):
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o644]
        assert not any("d" in entry for entry in read_entries(files[1]))
        rotate(*files, NOW, NOW)


def test_keys_are_made_once(files: tuple[Path, Path]) -> None:
    before = [file.read_text() for file in files]
    assert not ensure_keys(*files, NOW + timedelta(days=1))
    assert [file.read_text() for file in files] == before


def test_a_rotation_drops_the_private_key_and_keeps_the_public_one(files: tuple[Path, Path]) -> None:
    (first,) = known_keys(*files, NOW)
    new = rotate(*files, NOW, NOW)
    assert [(key.kid, key.signs) for key in known_keys(*files, NOW)] == [(first.kid, False), (new.kid, True)]
    assert [entry["kid"] for entry in read_entries(files[0])] == [new.kid]


def test_a_key_signs_from_its_time_on(files: tuple[Path, Path]) -> None:
    (first,) = known_keys(*files, NOW)
    later = NOW + timedelta(hours=1)
    new = rotate(*files, NOW, later)
    assert not new.signs
    assert [key.signs for key in known_keys(*files, NOW)] == [True, False]
    assert [key.signs for key in known_keys(*files, later)] == [False, True]
    with pytest.raises(KeySigns, match="signs now"):
        retire(*files, first.kid, NOW)
    retire(*files, first.kid, later)
    assert [key.kid for key in known_keys(*files, later)] == [new.kid]


def test_only_a_known_key_that_does_not_sign_is_retired(files: tuple[Path, Path]) -> None:
    before = [file.read_text() for file in files]
    (signs,) = known_keys(*files, NOW)
    with pytest.raises(KeyUnknown, match=signs.kid):
        retire(*files, "none-such", NOW)
    with pytest.raises(KeySigns):
        retire(*files, signs.kid, NOW)
    assert [file.read_text() for file in files] == before


def test_rotations_at_the_same_time_lose_no_key(files: tuple[Path, Path]) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: rotate(*files, NOW, NOW).kid, range(8)))
    assert {key.kid for key in known_keys(*files, NOW)} >= set(made)
    assert KeyRing(*files).verify(KeyRing(*files).sign({"a": 1})) == {"a": 1}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match="cannot be written"):
        ensure_keys(tmp_path / "nowhere" / "a.json", tmp_path / "b.json", NOW)


def test_a_key_whose_id_is_not_its_own_is_not_taken(files: tuple[Path, Path]) -> None:
    (entry,) = read_entries(files[1])
    files[1].write_text(files[1].read_text().replace(entry["kid"], "another"))
    with pytest.raises(KeysUnusable):
        read_entries(files[1])
