"""What people bring may be anything: it is taken or refused with a sentence, never a traceback.

`benchmarks/fuzz.py` tries a hundred thousand; here are the first of each kind.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fuzz

CASES = range(300)
KINDS = ("recipe", "painting", "melody", "poem", "poem-zh", "taste", "ratings")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", KINDS)
def test_spoilt_files_are_taken_or_refused(name: str, tmp_path: Path) -> None:
    readers = fuzz.readers(tmp_path)
    assert set(readers) == set(KINDS)
    reader = readers[name]
    for good in reader.good:
        reader.read(good)
    counts, faults = fuzz.run(reader, CASES)
    assert faults == []
    # Neither so gentle that all is taken nor so rough that nothing is.
    assert counts["taken"] > 0 and counts["refused"] > len(CASES) / 4


def test_a_fault_is_seen_with_its_seed(tmp_path: Path) -> None:
    def fragile(content: bytes) -> None:
        assert b"<script>" not in content

    counts, faults = fuzz.run(fuzz.Reader(fragile, [b"harmless " * 9]), CASES)
    assert 0 < counts["fault"] == len(faults) < len(CASES)
    assert "AssertionError" in faults[0]["told"]
    _, again = fuzz.run(fuzz.Reader(fragile, [b"harmless " * 9]), [faults[0]["seed"]])
    assert len(again) == 1
