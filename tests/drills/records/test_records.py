"""What is written down comes back, in this process and in the next."""

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drills.records import Records, Review, Settings, location
from drills.steps import Rating

AT = datetime(2026, 1, 5, 19, 30, tzinfo=timezone(timedelta(hours=2)))

texts = st.text(st.characters(), max_size=20)  # half characters too, as a terminal may hand them over
times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
reviews = st.builds(
    Review,
    card=st.sampled_from(["infonce.a", "affine.b"]),
    at=times,
    rating=st.sampled_from(Rating),
    computed=st.sampled_from(Rating),
    credit=st.floats(0, 1),
    confidence=st.none() | st.floats(0, 1),
    seconds=st.floats(0, 1e6),
    said=st.lists(texts, max_size=3).map(tuple),
    missed=st.lists(texts, max_size=3).map(tuple),
)


@given(done=st.lists(reviews, max_size=6))
@settings(max_examples=15, deadline=None)
def test_reviews_come_back_as_they_were_in_the_order_of_writing(done):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "drills.sqlite")
        with Records(path) as records:
            for review in done:
                records.add(review)
        assert Records(path).reviews() == done


@given(values=st.lists(json_values, max_size=5))
@settings(max_examples=15, deadline=None)
def test_a_sitting_that_was_cut_off_comes_back_with_its_replies(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "drills.sqlite")
        sitting = Records(path).begin("drill", ["infonce.a", "affine.b"], 7, AT)
        first = Records(path)
        first.resume(sitting.id)
        for number, value in enumerate(values):
            first.note(sitting.id, value, AT + timedelta(seconds=number))
        second = Records(path)
        (found,) = second.unfinished()
        assert (found.kind, found.queue, found.seed, found.begun) == (
            "drill",
            ("infonce.a", "affine.b"),
            7,
            AT,
        )
        assert [reply.value for reply in found.replies] == values
        assert [reply.at for reply in found.replies] == [
            AT + timedelta(seconds=n) for n in range(len(values))
        ]
        assert second.resume(found.id) == found
        second.note(found.id, "on", AT)
        second.finish(found.id, AT)
        assert Records(path).unfinished() == []


def test_settings_are_kept_one_by_one(tmp_path):
    path = tmp_path / "drills.sqlite"
    assert Records(path).settings() == Settings(None, 30)
    Records(path).change_settings(Settings(date(2026, 2, 1), 45, date(2026, 1, 5)))
    assert Records(path).settings() == Settings(date(2026, 2, 1), 45, date(2026, 1, 5))
    Records(path).change_settings(replace(Records(path).settings(), interview=None))
    assert Records(path).settings() == Settings(None, 45, date(2026, 1, 5))


def test_a_review_of_the_same_place_of_the_same_sitting_counts_once(tmp_path):
    records = Records(tmp_path / "drills.sqlite")
    sitting = records.begin("drill", ["infonce.a"], 1, AT)
    review = Review("infonce.a", AT, Rating.GOOD, sitting=sitting.id, place=0)
    records.add(review)
    again = Records(records.path)
    again.resume(sitting.id)  # and replays its journal
    again.add(replace(review, at=AT + timedelta(hours=1)))
    assert again.reviews() == [review]
    again.add(replace(review, place=1))
    again.add(Review("infonce.a", AT, Rating.HARD))
    again.add(Review("infonce.a", AT, Rating.HARD))
    assert len(again.reviews()) == 4


def test_reading_makes_no_file(tmp_path):
    records = Records(tmp_path / "data" / "drills.sqlite")
    assert (records.reviews(), records.unfinished(), records.settings()) == ([], [], Settings())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_but_this_process_remembers(capfd):
    records = Records(None)
    sitting = records.begin("drill", ["infonce.a"], 3, AT)
    records.note(sitting.id, 0.5, AT)
    records.add(Review("infonce.a", AT, Rating.EASY, sitting=sitting.id, place=0))
    records.change_settings(Settings(minutes=5))
    assert [review.rating for review in records.reviews()] == [Rating.EASY]
    assert [reply.value for reply in records.unfinished()[0].replies] == [0.5]
    assert records.settings().minutes == 5
    assert Records(None).reviews() == []
    records.close()
    assert capfd.readouterr() == ("", "")


def test_the_place_of_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DRILLS", str(tmp_path / "mine.sqlite"))
    assert location() == tmp_path / "mine.sqlite"
    monkeypatch.setenv("COURSE_DRILLS", "off")
    assert location() is None
    monkeypatch.delenv("COURSE_DRILLS")
    assert location().name == "drills.sqlite"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"credit": 1.5}, "credit should be between 0 and 1; got 1.5"),
        ({"confidence": -0.1}, "confidence should be between 0 and 1; got -0.1"),
        ({"credit": float("nan")}, "credit should be between 0 and 1; got nan"),
        ({"seconds": float("inf")}, "seconds should be positive and finite; got inf"),
        ({"rating": 5}, "5 is not a valid Rating"),
        ({"at": datetime(2026, 1, 1)}, "should be aware"),
    ],
)
def test_an_impossible_review_is_refused_where_it_is_made(wrong, says):
    with pytest.raises(ValueError, match=says):
        Review(**({"card": "infonce.a", "at": AT, "rating": Rating.GOOD} | wrong))


def test_a_reply_that_is_no_json_is_refused_and_keeps_nothing_else_from_being_saved(tmp_path):
    records = Records(tmp_path / "drills.sqlite")
    sitting = records.begin("drill", ["infonce.a"], 3, AT)
    with pytest.raises(TypeError):
        records.note(sitting.id, {1, 2}, AT)
    records.note(sitting.id, "right", AT)
    assert records.unsaved == 0
    assert [reply.value for reply in Records(records.path).unfinished()[0].replies] == ["right"]


def test_nothing_resumes_what_is_not_there(tmp_path):
    with pytest.raises(KeyError):
        Records(tmp_path / "drills.sqlite").resume("nothing")


def test_a_day_of_study_ends_at_four_where_the_learner_is():
    for hour, minute, day in [(3, 59, 4), (4, 0, 5), (23, 59, 5)]:
        at = AT.replace(hour=hour, minute=minute)
        assert Review("infonce.a", at, Rating.GOOD).day == date(2026, 1, day)
