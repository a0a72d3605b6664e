"""The report as one HTML page that needs nothing else: no script, no request, also on paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from autograder.classroom.report import text
from autograder.classroom.report.mistakes import groups, mistakes, needs
from autograder.classroom.report.overview import Overview
from autograder.classroom.report.pictures import described, histogram, strip, tile
from autograder.classroom.report.statistics import item_statistics, summary
from autograder.classroom.similarity import Pair


def page(overview: Overview, similar: Sequence[Pair] = (), when: str = "") -> str:
    """Write the page.

    Parameters
    ----------
    overview : Overview
    similar : sequence of Pair
        Unusually similar answers; see `similarity.similar_pairs`.
    when : str
        What to say about when it was written.

    Returns
    -------
    str
        HTML. Everything that students control is escaped, and its control characters are shown as such.
    """
    bars = histogram(overview)
    return _template().render(
        overview=overview,
        similar=similar,
        when=when,
        summary=summary(overview),
        bars=bars,
        bars_in_words=described(overview, bars),
        strip=strip(overview),
        tile=tile,
        statistics=item_statistics(overview),
        mistakes=mistakes(overview),
        groups=groups(overview),
        needs=needs(overview),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("autograder.classroom.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(text, name) for name in ("visible", "code", "number", "percent")}
    return environment.get_template("page.html.j2")
