"""Build ``course_lib/data/emoji.npz`` and ``emoji.json`` from three npm packages. For maintainers only.

Fetching goes through the ordinary ``npm pack``; everything after it is offline and deterministic: the same
packages give the same bytes. See README.md beside this file.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from jaxtyping import UInt8
from PIL import Image

SIDE = 32  # pixels: small enough to train on a laptop, large enough to be recognised
BORDER = 1  # transparent pixels around every cell of a sprite sheet, says the packages' README
GENERATOR = "scripts/make_emoji.py"
#: vendor -> (npm package, the name of its image set)
VENDORS = {
    "noto": ("emoji-datasource-google@16.0.0", "google"),
    "twemoji": ("emoji-datasource-twitter@16.0.0", "twitter"),
}
NAMES_PACKAGE = "emojibase-data@17.0.0"
#: The little that is unpacked of packages with some 4,000 files each. The *clean* sheets show a question
#: mark where a vendor has no drawing; the plain ones would fall back to another vendor under another licence.
NEEDED = re.compile(
    r"package/(package\.json|LICENSE|emoji\.json|en/data\.json|img/\w+/sheets-clean/(32|64)\.png)"
)

Record = dict[str, Any]


def fetch(spec: str, cache: Path) -> Path:
    """Return the unpacked package ``name@version``, from ``cache/name-version`` or else through npm."""
    folder = cache / spec.replace("@", "-")
    package = folder / "package"
    if not package.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError(
                f"npm is needed to fetch {spec}: install it, or unpack the package into {folder}."
            )
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", spec, "--silent"], cwd=cache, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(cache / f"{folder.name}.tgz") as archive:
            wanted = [member for member in archive if NEEDED.fullmatch(member.name)]
            archive.extractall(folder, members=wanted, filter="data")
    stated = json.loads((package / "package.json").read_text(encoding="utf-8"))
    came = f"{stated['name']}@{stated['version']}"
    if came != spec:
        raise ValueError(f"{package} must hold {spec}, got {came}.")
    return package


def read_sheet(package: Path, image_set: str) -> tuple[Image.Image, int]:
    """Return the smallest sprite sheet of at least 32 px, on white, and the side of its pictures.

    Transparent pixels carry no picture, but they do carry a colour (often black, at the drawing
    program's whim): dropping alpha would show it. White is the page that emoji are drawn for.
    """
    for side in (SIDE, 2 * SIDE):
        path = package / "img" / image_set / "sheets-clean" / f"{side}.png"
        if path.exists():
            with Image.open(path) as sheet:
                drawn = sheet.convert("RGBA")
            page = Image.new("RGBA", drawn.size, "white")
            page.alpha_composite(drawn)
            return page.convert("RGB"), side
    raise FileNotFoundError(f"{package} must hold a sprite sheet of {SIDE} or {2 * SIDE} px, it has neither.")


def cut(sheet: Image.Image, side: int, column: int, row: int) -> UInt8[np.ndarray, "32 32 3"]:
    """Return one picture of the sheet, 32×32 RGB."""
    left, top = (at * (side + 2 * BORDER) + BORDER for at in (column, row))
    picture = sheet.crop((left, top, left + side, top + side))
    if side != SIDE:
        picture = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def key(codepoints: str) -> str:
    """Return the codepoints without U+FE0F, with which the sources spell the same emoji differently."""
    return codepoints.upper().replace("-FE0F", "")


def select(drawn: dict[str, dict[str, Record]], named: dict[str, Record]) -> list[Record]:
    """Return the records to keep, in Unicode's own order: drawn by every vendor, with a CLDR name.

    Skin-tone variants never come up: the packages list them inside their base emoji.
    """
    first, *others = drawn.values()
    kept = [
        {
            "codepoints": entry["unified"],
            "name": named[code]["label"],
            "tags": named[code].get("tags", []),
            "group": entry["category"],
            "subgroup": entry["subcategory"],
        }
        for code, entry in sorted(first.items(), key=lambda item: item[1]["sort_order"])
        if code in named and all(code in other for other in others)
    ]
    if not kept:
        raise ValueError(f"The packages must share at least one named emoji, got none of {len(first)}.")
    return kept


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as np.savez does, with LZMA instead of deflate and without the time of day.

    LZMA sees the repeats between pictures that deflate's 32 kB window misses: 3.1 MB against 3.9 MB, and
    4.2 MB as optimised PNG sheets. ``np.load`` reads it like any other npz.
    """
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = f"Generated by {GENERATOR}; do not edit.".encode()
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            member = zipfile.ZipInfo(f"{name}.npy")  # its date is 1980-01-01: the same bytes every time
            member.create_system = 3  # else the byte says on which system this ran
            archive.writestr(member, buffer.getvalue(), zipfile.ZIP_LZMA)


def write_json(path: Path, records: list[Record]) -> None:
    """Write the records one to a line, so that a newer Unicode shows as a readable diff."""
    lines = ",\n".join(f"  {json.dumps(record, ensure_ascii=False)}" for record in records)
    about = json.dumps(f"Generated by {GENERATOR}; do not edit. Row i names picture i of emoji.npz.")
    path.write_text(f'{{"about": {about},\n "emoji": [\n{lines}\n]}}\n', encoding="utf-8", newline="\n")


def write_checksums(folder: Path, names: list[str]) -> None:
    """Record the SHA-256 of the named files in ``checksums.json``, leaving other files' entries alone."""
    path = folder / "checksums.json"
    sums = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    sums |= {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    path.write_text(json.dumps(sums, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


def build(packages: dict[str, Path], names_package: Path, out: Path) -> list[Record]:
    """Cut, select and write; return the records that were kept."""
    drawn, sheets = {}, {}
    for vendor, package in packages.items():
        image_set = VENDORS[vendor][1]
        entries = json.loads((package / "emoji.json").read_text(encoding="utf-8"))
        drawn[vendor] = {key(entry["unified"]): entry for entry in entries if entry[f"has_img_{image_set}"]}
        sheets[vendor] = read_sheet(package, image_set)
    labels = json.loads((names_package / "en" / "data.json").read_text(encoding="utf-8"))
    records = select(drawn, {key(entry["hexcode"]): entry for entry in labels if entry.get("label")})
    pictures = {}
    for vendor, (sheet, side) in sheets.items():
        cells = [drawn[vendor][key(record["codepoints"])] for record in records]
        pictures[vendor] = np.stack([cut(sheet, side, cell["sheet_x"], cell["sheet_y"]) for cell in cells])
    out.mkdir(parents=True, exist_ok=True)
    write_npz(out / "emoji.npz", pictures)
    write_json(out / "emoji.json", records)
    write_checksums(out, ["emoji.json", "emoji.npz"])
    return records


def main(
    cache: Annotated[Path, typer.Argument(help="Where the packages are, or are to be, unpacked.")],
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path(__file__).parents[1]
    / "course_lib"
    / "data",
) -> None:
    """Fetch what is missing in CACHE (some 145 MB), and write the emoji files."""
    packages = {vendor: fetch(spec, cache) for vendor, (spec, _) in VENDORS.items()}
    records = build(packages, fetch(NAMES_PACKAGE, cache), out)
    typer.echo(f"{len(records)} emoji, {(out / 'emoji.npz').stat().st_size:,} bytes in emoji.npz.")


if __name__ == "__main__":
    typer.run(main)
