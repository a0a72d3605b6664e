"""A file of cards."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from drills.schema.kinds import Card
from drills.schema.parts import Part
from drills.schema.text import Text


class Topic(Part):
    """The cards on one topic; a file is named like its topic.

    `lesson` is the folder of the lesson that teaches it (``01_infonce``); None if none does.
    """

    topic: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    lesson: str | None = None
    cards: Annotated[tuple[Annotated[Card, Field(discriminator="kind")], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_fit(self) -> Self:
        seen: set[str] = set()
        for card in self.cards:
            if card.topic != self.topic:
                raise ValueError(f"{card.id} should be called {self.topic}.…: the file is on {self.topic}")
            if card.id in seen:
                raise ValueError(f"{card.id} stands here twice")
            seen.add(card.id)
        return self
