"""Ask the program tesseract. Only a child process does so, whose bounds hold for it too."""

import csv
import io
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from flows.documents.errors import Unreadable
from flows.documents.layout import Found

_ORIENTING, _READING = 20, 60
# One block of lines, as forms and tables are: flows.documents.layout finds columns by itself.
_ONE_BLOCK, _ORIENTATION_ONLY = "6", "0"
# Less certain words without a letter or a digit are noise.
_NOISE = 0.4
_WORD_LEVEL = "5"


class Tesseract(NamedTuple):
    """``program`` is its path; ``languages`` as its option ``-l`` takes them, such as eng+deu."""

    program: str
    languages: str

    def find_turn(self, image: Image.Image, folder: Path) -> int:
        """Return by how many degrees the page has to be turned clockwise, 0 if it cannot tell."""
        path = folder / "orient.png"
        image.save(path, compress_level=1, dpi=(200, 200))
        try:
            said = self._call(path, ["--psm", _ORIENTATION_ONLY], _ORIENTING)
        except subprocess.CalledProcessError:  # too few characters
            return 0
        turn = re.search(r"Rotate: (\d+)", said)
        sure = re.search(r"Orientation confidence: ([\d.]+)", said)
        return int(turn[1]) % 360 if turn and sure and float(sure[1]) > 1 else 0

    def read(self, image: Image.Image, folder: Path) -> list[Found]:
        """Return the words, with their places in pixels. Raises: Unreadable."""
        path = folder / "upright.png"
        image.save(path, compress_level=1, dpi=(200, 200))
        try:
            table = self._call(path, ["-l", self.languages, "--psm", _ONE_BLOCK, "tsv"], _READING)
        except subprocess.CalledProcessError as error:
            raise Unreadable(
                "no_engine", f"tesseract does not read it: {error.stderr.strip()[-200:]}",
                "Look at its installation and languages.",
            ) from None  # fmt: skip
        return _read_words(table)

    def _call(self, path: Path, options: list[str], seconds: float) -> str:
        """Raises: CalledProcessError; Unreadable, if it takes too long."""
        try:
            return subprocess.run(  # noqa: S603 - the program that was found on the path
                [self.program, str(path), "stdout", *options],
                check=True, capture_output=True, text=True, timeout=seconds,
                stdin=subprocess.DEVNULL, env={"OMP_THREAD_LIMIT": "2"},
            ).stdout  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unreadable(
                "too_slow", "Recognising the page takes too long.",
                "Send it at a lower resolution.",
            ) from None  # fmt: skip


def _read_words(table: str) -> list[Found]:
    """Return the words of tesseract's TSV, each as high as its line."""
    lines: dict[tuple[str, ...], list[Found]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text, sure = (row["text"] or "").strip(), float(row["conf"]) / 100
        if row["level"] != _WORD_LEVEL or not text or sure < 0:
            continue
        if sure < _NOISE and not any(each.isalnum() for each in text):
            continue
        left, top = int(row["left"]), int(row["top"])
        box = left, top, left + int(row["width"]), top + int(row["height"])
        key = tuple(row[each] for each in ("block_num", "par_num", "line_num"))
        lines[key].append(Found(text, *box, min(sure, 1.0)))
    return [
        word._replace(top=min(each.top for each in line), bottom=max(each.bottom for each in line))
        for line in lines.values()
        for word in line
    ]
