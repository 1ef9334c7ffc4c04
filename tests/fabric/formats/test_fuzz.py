"""Every importer, on text shaped like its grammar and on damaged real files: a Fabric that can be checked, or faults.

FABRICSIM_FUZZ_CASES sets the number of cases in all; 10,000 take about a minute.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from fabricsim import topologies
from fabricsim.fabric.check import findings
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.formats import READERS, WRITERS
from fabricsim.fabric.graph import Fabric
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("FABRICSIM_FUZZ_CASES", "2000"))
FORMATS = sorted(READERS)
_SHARE_SHAPED, _SHARE_SMALL, _SHARE_REAL = 0.45, 0.45, 0.1
_NUMBERS = ["0", "1", "-1", "2", "7", "64", "255", "65536", str(2**31), str(2**64), "1e400", "0.5", "0x1f", "NaN"]
_SCRAPS = ["", " ", "\t", "\n", '"', "'", "<", ">", "&", "[", "]", "{", "}", ",", ":", "#", "\0", "é", "\ud7ff", "null"]
_DAMAGE_READ_SECONDS = 5


def cases(share: float) -> settings:
    count = max(1, round(CASES * share / len(FORMATS)))
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, suppress_health_check=slow)


seeds = st.integers(0, 2**64 - 1)
"""What the damage is drawn from: with one number a case costs no more than its parsing."""


@pytest.fixture(scope="session")
def samples(tmp_path_factory, two_leaves, two_leaves_file, ndr_cluster_file) -> dict[tuple[str, str], bytes]:
    """(format, "small" or "real") -> a good file: dumps as they came, and what our writers make of them."""
    folder = tmp_path_factory.mktemp("samples")

    def written(name: str, fabric: Fabric) -> bytes:
        WRITERS[name](fabric, folder / name)
        return (folder / name).read_bytes()

    small = topologies.load("hgx-h100", nodes=2)
    large = topologies.load("hgx-h100", nodes=12, oversubscription=2)
    found = {(name, "small"): written(name, two_leaves) for name in ("fabric", "graphml", "json")}
    found |= {(name, "real"): written(name, topologies.fat_tree(k=6)) for name in ("fabric", "graphml", "json")}
    found |= {("simai", "small"): written("simai", small), ("simai", "real"): written("simai", large)}
    found["ibnetdiscover", "small"] = two_leaves_file.read_bytes()
    found["ibnetdiscover", "real"] = ndr_cluster_file.read_bytes()
    return found


@pytest.fixture(scope="session")
def judge(tmp_path_factory) -> Callable[[str, bytes], None]:
    """Read these bytes: what comes is a Fabric that `check` bears, or faults that say something."""
    path: Path = tmp_path_factory.mktemp("fuzz") / "file"

    def judged(name: str, content: bytes) -> None:
        path.write_bytes(content)
        faults, fabric = (), None
        try:
            fabric = READERS[name](path)
        except InputError as error:
            faults = error.faults
        judged_by = findings(fabric) if fabric is not None else faults
        assert fabric is not None or faults
        assert all(found.message for found in judged_by)

    return judged


def test_every_importer_has_samples_that_are_good(samples, judge):
    assert {name for name, _ in samples} == set(FORMATS)
    for (name, _), content in samples.items():
        judge(name, content)


@pytest.mark.parametrize("name", FORMATS)
@cases(_SHARE_SHAPED)
@given(seed=seeds)
def test_text_in_the_shape_of_the_grammar_is_read_or_refused(samples, judge, name, seed):
    rng = random.Random(seed)
    lines = samples[name, "small"].decode("latin-1").splitlines(keepends=True)
    drawn = [rng.choice(lines) for _ in range(rng.randrange(12))]
    if rng.random() < 0.5:
        drawn = lines[: rng.randrange(len(lines))] + drawn
    text = "".join(_with_numbers(line, rng) if rng.random() < 0.3 else line for line in drawn)
    judge(name, text.encode("latin-1", "replace"))


def _with_numbers(line: str, rng: random.Random) -> str:
    return re.sub(r"[0-9]+", lambda found: rng.choice([found[0], rng.choice(_NUMBERS)]), line)


@pytest.mark.parametrize("name", FORMATS)
@cases(_SHARE_SMALL)
@given(seed=seeds)
def test_a_damaged_small_file_is_read_or_refused(samples, judge, name, seed):
    judge(name, damaged(samples[name, "small"], random.Random(seed)))


@pytest.mark.parametrize("name", FORMATS)
@cases(_SHARE_REAL)
@given(seed=seeds)
def test_a_damaged_real_file_is_read_or_refused(samples, judge, name, seed):
    judge(name, damaged(samples[name, "real"], random.Random(seed)))


def damaged(content: bytes, rng: random.Random) -> bytes:
    """One to four of: a piece cut out, doubled, moved, overwritten, a number changed, the end cut off."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(content) + 1)
        stop = min(len(content), start + rng.choice([0, 1, 1, 4, 20, 80]))
        piece = content[start:stop]
        match rng.randrange(7):
            case 0:
                content = content[:start] + content[stop:]
            case 1:
                content = content[:stop] + piece + content[stop:]
            case 2:
                rest = content[:start] + content[stop:]
                at = rng.randrange(len(rest) + 1)
                content = rest[:at] + piece + rest[at:]
            case 3:
                content = content[:start] + rng.choice(_SCRAPS).encode("utf-8", "surrogatepass") + content[stop:]
            case 4:
                content = content[:start] + rng.randbytes(stop - start) + content[stop:]
            case 5:
                numbers = list(re.finditer(rb"[0-9]+", content[start : start + 400]))
                if numbers:
                    low, high = (start + edge for edge in rng.choice(numbers).span())
                    content = content[:low] + rng.choice(_NUMBERS).encode() + content[high:]
            case 6:
                content = content[: rng.choice([start, len(content)])]
    return content


GARBAGE = {
    "zeros": b"\0",
    "bytes": bytes(range(256)),
    "lines": b"a b c d e\n",
    "numbers": b"1 2 3 4 5 6\n",
    "brackets": b'[{"a":',
    "tags": b"<a b='c'>",
    "quotes": b'"',
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_100_megabytes_of_garbage_are_refused_in_seconds(kind, tmp_path):
    piece = GARBAGE[kind]
    path = tmp_path / "garbage"
    path.write_bytes((piece * (100_000_000 // len(piece) + 1))[:100_000_000])
    for name in FORMATS:
        start = process_time()
        with pytest.raises(InputError):
            READERS[name](path)
        assert process_time() - start < _DAMAGE_READ_SECONDS, name


@pytest.mark.parametrize("name", FORMATS)
def test_a_good_beginning_before_100_megabytes_of_garbage_does_not_help(samples, name, tmp_path):
    path = tmp_path / "garbage"
    start = samples[name, "small"]
    path.write_bytes(start[: len(start) // 2] + b"x y z\n" * (100_000_000 // 6))
    begin = process_time()
    with pytest.raises(InputError):
        READERS[name](path)
    assert process_time() - begin < _DAMAGE_READ_SECONDS
