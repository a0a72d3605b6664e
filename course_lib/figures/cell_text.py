"""Many short texts at once, as the cells of a matrix need them, in a tenth of the usual time.

matplotlib lays out and rasterises every text anew at every drawing, which for three matrices of 25 numbers
takes longer than all the rest of the figure. Here each string becomes an outline once, and all are drawn in
one call.
"""

from collections.abc import Sequence
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

#: Points in which outlines are made; drawing scales them.
_UNIT = 100.0


class CellTexts(PathCollection):
    """Texts centred on points of the data, drawn in one call.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where they are added.
    centres : sequence of (float, float)
        In data units.
    texts : sequence of str
        One line each.
    colours : sequence of str
        One for each text.
    size : float
        Points.

    Attributes
    ----------
    texts : list of str
        What is written, in the order given.
    """

    def __init__(
        self,
        axes: Axes,
        centres: Sequence[tuple[float, float]],
        texts: Sequence[str],
        colours: Sequence[str],
        size: float,
    ) -> None:
        super().__init__(
            [_outline(text) for text in texts],
            offsets=centres,
            offset_transform=axes.transData,
            facecolors=colours,
            linewidths=0,
            zorder=3,
        )
        self.texts = list(texts)
        # Points to pixels, at whatever resolution the figure is drawn.
        self.set_transform(Affine2D().scale(size / _UNIT / 72) + axes.figure.dpi_scale_trans)
        axes.add_collection(self, autolim=False)


@lru_cache(maxsize=2048)
def _outline(text: str) -> Path:
    outline = TextPath((0, 0), text, size=_UNIT, prop=FontProperties(family="DejaVu Sans"))
    box, digit = outline.get_extents(), _digit_height()
    # Centred by the height of a digit, not of this text: a minus sign must not lift its number.
    shift = Affine2D().translate(-(box.x0 + box.x1) / 2, -digit / 2)
    return Path(shift.transform(outline.vertices), outline.codes)


@lru_cache(maxsize=1)
def _digit_height() -> float:
    return float(
        TextPath((0, 0), "0", size=_UNIT, prop=FontProperties(family="DejaVu Sans")).get_extents().y1
    )
