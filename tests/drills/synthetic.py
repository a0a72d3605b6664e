"""A deck of plain cards, as large as one likes."""

from drills.deck import Deck
from drills.schema import Topic


def deck(topics=16, each=10, minutes=1.5, **more):
    """A deck of choice cards; keyword arguments go to each of them, a callable gets its place."""
    made = []
    for t in range(topics):
        cards = []
        for c in range(each):
            place = t * each + c
            extra = {
                name: value(place) if callable(value) else value
                for name, value in (more | {"minutes": minutes}).items()
            }
            cards.append(
                {
                    "kind": "choice",
                    "id": f"topic{t}.card{c}",
                    "question": f"Question {place}?",
                    "level": 1 + c % 3,
                    "skills": [f"skill {t}"],
                    "sources": ["C1"],
                    "options": [
                        {"text": "yes", "reason": "It is.", "right": True},
                        {"text": "no", "reason": "It is not not."},
                        {"text": "perhaps", "reason": "It is certain."},
                    ],
                }
                | extra
            )
        made.append(Topic.model_validate({"topic": f"topic{t}", "title": f"Topic {t}", "cards": cards}))
    return Deck(tuple(made), {card.id: card for topic in made for card in topic.cards})
