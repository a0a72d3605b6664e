"""Train the mini-CLIPs that ship in course_lib/data/mini_clip. For maintainers only; see README.md."""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import Progress

from course_lib.contrastive import Augmentation, Loss
from course_lib.contrastive.pretrained import mini_clip_file, pack_mini_clip
from course_lib.experiments.mini_clip import evaluate, train

#: (loss, augmented)
MODELS: tuple[tuple[Loss, bool], ...] = (("infonce", True), ("siglip", True), ("infonce", False))
EPOCHS = 30
GENERATOR = "scripts/train_mini_clip.py"


def main(out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("course_lib/data")) -> None:
    """Train each model in one thread and write its weights, half precision, and its checksum."""
    torch.set_num_threads(1)
    checksums_file = out / "checksums.json"
    checksums = json.loads(checksums_file.read_text(encoding="utf-8")) if checksums_file.exists() else {}
    (out / "mini_clip").mkdir(parents=True, exist_ok=True)
    for loss, augmented in MODELS:
        name = mini_clip_file(loss, augmented)
        with Progress() as progress:
            bar = progress.add_task(name, total=EPOCHS)
            trained = train(
                loss,
                augmentation=Augmentation() if augmented else None,
                on_epoch=lambda epoch, model, bar=bar, progress=progress: progress.advance(bar),
            )
        recipe = {
            "generator": GENERATOR,
            "loss": loss,
            "augmented": augmented,
            "settings": "the defaults of course_lib.contrastive.train_mini_clip, seed 0, one thread",
            "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
            "evaluation": evaluate(trained.model)._asdict(),
            "history": [epoch._asdict() for epoch in trained.history],
        }
        content = pack_mini_clip(trained.model, recipe)
        (out / name).write_bytes(content)
        checksums[name] = hashlib.sha256(content).hexdigest()
        checksums_file.write_text(json.dumps(checksums, indent=2) + "\n", encoding="utf-8")
        print(name, len(content), {k: round(v, 3) for k, v in recipe["evaluation"].items()})


if __name__ == "__main__":
    typer.run(main)
