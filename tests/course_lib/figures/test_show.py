import base64
import html.parser
import io
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures import course_style, figure_html, lines, new_figure, show

ALT = "A straight line that rises from 1 to 3."


class _Images(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.images = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))


def image_in(markup):
    parser = _Images()
    parser.feed(markup)
    assert parser.tags == ["figure", "img"]
    return parser.images[0]


def picture_in(markup):
    prefix, _, data = image_in(markup)["src"].partition(",")
    assert prefix == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def displayed(monkeypatch):
    outputs = []
    # By its name in sys.modules: as an attribute, course_lib.figures.show is the function.
    monkeypatch.setattr(sys.modules["course_lib.figures.show"], "display", outputs.append)
    return outputs


@pytest.fixture
def fig():
    return lines([1, 2, 3], {"rise": [1, 2, 3]}, title="It rises", xlabel="x", ylabel="y")


def test_show_displays_one_html_element_with_alt_text(fig, displayed):
    assert show(fig, alt=ALT) is None
    (output,) = displayed
    assert image_in(output._repr_html_())["alt"] == ALT


def test_alt_is_required(fig):
    with pytest.raises(TypeError, match="alt"):
        show(fig)


@pytest.mark.parametrize("alt", ["", "   \n", "a plot", "x" * 19])
def test_an_alt_text_that_says_too_little_is_refused(fig, alt):
    with pytest.raises(ValueError, match=r"^alt must say in at least 20 characters .* got '.*'\.$"):
        show(fig, alt=alt)


def test_alt_must_be_text(fig):
    with pytest.raises(TypeError, match=r"alt must be a text that describes the figure, got NoneType\."):
        figure_html(fig, None)


def test_only_figures_are_shown():
    with pytest.raises(TypeError, match=r"fig must be a matplotlib Figure, got list\."):
        figure_html([], ALT)


def test_markup_in_alt_is_escaped(fig):
    alt = '"><script>alert(1)</script> & a curve\nover two lines'
    markup = figure_html(fig, alt)
    assert "<script" not in markup
    assert image_in(markup)["alt"] == alt.replace("\n", " ")


def test_the_picture_is_crisp_opaque_and_as_large_as_the_figure(fig):
    markup = figure_html(fig, ALT)
    picture, attributes = picture_in(markup), image_in(markup)
    assert (int(attributes["width"]), int(attributes["height"])) == (864, 403)
    assert picture.size == (1728, 806)
    assert picture.mode == "RGB"
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert len(markup) < 200_000


def test_a_transparent_figure_is_laid_on_white():
    fig = Figure(facecolor="none")
    assert picture_in(figure_html(fig, ALT)).getpixel((5, 5)) == (255, 255, 255)


def test_the_same_figure_gives_the_same_bytes(fig):
    assert figure_html(fig, ALT) == figure_html(fig, ALT)


def test_the_readers_own_style_neither_leaks_in_nor_is_lost():
    def draw():
        return figure_html(lines([1, 2], {"a": [1, 2]}, title="t", xlabel="x", ylabel="y"), ALT)

    plain = draw()
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30.0, "lines.linewidth": 9.0}):
        assert draw() == plain
        assert matplotlib.rcParams["font.size"] == 30


def test_pyplot_never_hears_of_a_figure(fig, displayed):
    with course_style():
        new_figure(2.0)
    show(fig, alt=ALT)
    assert plt.get_fignums() == []


def test_all_styles_of_a_series_can_be_told_apart_without_colour():
    from course_lib.figures import style

    for looks in (style.MARKERS, style.LINE_STYLES, style.HATCHES, style.COLOURS):
        assert len(set(looks)) == len(looks) >= 8


@pytest.mark.parametrize("colour", np.linspace(0, 1, 11))
def test_ink_reads_on_any_grey(colour):
    from course_lib.figures.style import ink_on

    linear = colour / 12.92 if colour <= 0.04045 else ((colour + 0.055) / 1.055) ** 2.4
    contrast = {"black": (linear + 0.05) / 0.05, "white": 1.05 / (linear + 0.05)}
    assert contrast[ink_on(colour, colour, colour)] >= 4.5
