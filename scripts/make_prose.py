"""Make course_lib/data/prose.txt: the opening chapters of "Northanger Abbey", one paragraph a line.

    python scripts/make_prose.py PACKAGE.deb

PACKAGE is Debian's r-cran-janeaustenr 1.0.0-1 (`apt-get download r-cran-janeaustenr`), which holds the text
of Project Gutenberg as an R data set: a vector of printed lines. Needs dpkg-deb.
"""

import argparse
import hashlib
import json
import re
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

NAME = "prose.txt"
DATA_FOLDER = Path(__file__).parents[1] / "course_lib" / "data"
DATA_SET = "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb"
TITLE = b"NORTHANGER ABBEY"
STRING = struct.pack(">I", 9)[3:]  # R's type code of a string, in the last byte of its flags
CHAPTERS = 10


def main() -> None:
    """Write the text and its checksum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--out", type=Path, default=DATA_FOLDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", str(arguments.package), folder], check=True)
        [novel] = [item for item in unpacked(Path(folder, DATA_SET).read_bytes()) if TITLE in item[:500]]
    content = "".join(f"{paragraph}\n" for paragraph in paragraphs(lines(novel))).encode()
    (arguments.out / NAME).write_bytes(content)
    checksums_file = arguments.out / "checksums.json"
    checksums = json.loads(checksums_file.read_text(encoding="utf-8"))
    checksums[NAME] = hashlib.sha256(content).hexdigest()
    checksums_file.write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")
    print(f"{len(content):,} bytes")


def unpacked(database: bytes) -> list[bytes]:
    """Return the items of an R database file: each its length in four bytes, then zlib's stream."""
    items, rest = [], database
    while rest:
        stream = zlib.decompressobj()
        items.append(stream.decompress(rest[4:]) + stream.flush())
        rest = stream.unused_data
    return items


def lines(item: bytes) -> list[str]:
    """Return the strings of a serialized character vector: flags, length and bytes of each."""
    start = item.index(TITLE) - 8  # its own flags and length
    found = []
    while start + 8 <= len(item) and item[start + 3 : start + 4] == STRING:
        [length] = struct.unpack(">i", item[start + 4 : start + 8])
        found.append(item[start + 8 : start + 8 + length].decode())
        start += 8 + length
    return found


def paragraphs(printed: list[str]) -> list[str]:
    """Join the printed lines of the first chapters into paragraphs; headings and notes are left out."""
    text = "\n".join(printed)
    chapters = re.split(r"\n\s*CHAPTER \d+\s*\n", text)[1 : CHAPTERS + 1]
    blocks = [re.sub(r"\s+", " ", block).strip() for block in re.split(r"\n\s*\n", "\n\n".join(chapters))]
    return [block.replace("--", "—").replace("_", "") for block in blocks if block]


if __name__ == "__main__":
    main()
