"""What somebody does at the page, done to the widgets."""

from __future__ import annotations

from drills.steps import AskChoice, AskConfidence, AskLine, AskRating, Rating, Tick

GIVE_UP = ("I do not know", "Give up", "I'd rather not say")


def press(face, label):
    face.asked.buttons[label].click()
    face.wait()


def first_button(face):
    return next(iter(face.asked.buttons))


def give(face, reply):
    """Reply as somebody at the page does."""
    step, asked = face.session.step, face.asked
    labels = list(asked.buttons)
    match step:
        case AskConfidence():
            press(face, GIVE_UP[2] if reply is None else f"{100 * reply:.0f} %")
        case AskRating():
            word = Rating(step.computed if reply is None else reply).name.capitalize()
            press(face, next(label for label in labels if label.split()[0] == word))
        case Tick():
            for place in reply:
                asked.inputs[place].children[0].value = True
            press(face, "Done")
        case _ if reply is None:
            press(face, next(label for label in labels if label in GIVE_UP))
        case AskChoice():
            radio = asked.inputs[reply].children[0]
            radio.value = radio.options[0]
            press(face, "Answer")
        case AskLine():
            asked.inputs[0].value = reply
            press(face, "Answer")
        case _ if reply == "" and "I said it aloud" in labels:
            press(face, "I said it aloud")
        case _:
            asked.typed.value = reply
            press(face, labels[0])
