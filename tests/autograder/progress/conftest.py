import pytest

from autograder.progress import notices, records


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    """A progress file of the test's own, which does not exist yet."""
    path = tmp_path / "data" / "progress.sqlite"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(notices, "_said", set())
    records._unsaved.clear()
    yield path
    records._unsaved.clear()
