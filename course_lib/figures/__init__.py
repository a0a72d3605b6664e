"""Figures: pure functions from a state to a matplotlib figure, `show`, and the widgets made from them."""

from course_lib.figures.affine import affine_figure, describe_affine, read_affine
from course_lib.figures.affine_explorer import explore_affine
from course_lib.figures.affine_state import AffineState, affine_examples
from course_lib.figures.bars import bars
from course_lib.figures.calibration import (
    calibration_figure,
    describe_calibration,
    explore_calibration,
    read_calibration,
)
from course_lib.figures.calibration_state import CalibrationState
from course_lib.figures.circle import circle_figure, describe_circle, read_circle
from course_lib.figures.circle_state import CircleState, angle_grad, descend, random_circle, step
from course_lib.figures.drill_statistics import describe_drill_statistics, drill_statistics_figure
from course_lib.figures.drill_statistics_state import DrillStatisticsState, Sureness
from course_lib.figures.explorer import Explorer, Frame
from course_lib.figures.gallery import image_grid, retrieval_gallery
from course_lib.figures.gptq import describe_gptq, gptq_figure, read_gptq
from course_lib.figures.gptq_explorer import explore_gptq
from course_lib.figures.gptq_state import GPTQState, gptq_example
from course_lib.figures.interactive import explore_circle, explore_softmax
from course_lib.figures.large_batches import describe_tiles, explore_tiles, read_tiles, tiles_figure
from course_lib.figures.large_batches_state import TilesState
from course_lib.figures.lines import lines
from course_lib.figures.matrix import draw_matrix
from course_lib.figures.mini_clip_curves import LiveCurves, curves_figure
from course_lib.figures.mini_clip_gallery import text_gallery
from course_lib.figures.mini_clip_search import (
    Board,
    Found,
    describe_search,
    explore_mini_clip,
    found_on,
    read_search,
    search_figure,
)
from course_lib.figures.outlier_map import (
    OutlierMap,
    describe_outlier_map,
    explore_outliers,
    outlier_map_figure,
    read_outlier_map,
)
from course_lib.figures.roofline import describe_roofline, explore_roofline, read_roofline, roofline_figure
from course_lib.figures.roofline_state import RooflineState
from course_lib.figures.show import figure_html, show
from course_lib.figures.siglip_bias import (
    describe_siglip_bias,
    explore_siglip_bias,
    read_siglip_bias,
    siglip_bias_figure,
)
from course_lib.figures.siglip_state import SiglipState
from course_lib.figures.smoothquant import (
    describe_smoothquant,
    explore_smoothquant,
    read_smoothquant,
    smoothquant_figure,
)
from course_lib.figures.smoothquant_state import SmoothLayer, SmoothState, smooth_examples
from course_lib.figures.softmax_row import describe_softmax, read_softmax, softmax_figure
from course_lib.figures.softmax_state import SoftmaxState, softmax_example
from course_lib.figures.straight_through import (
    describe_straight_through,
    explore_straight_through,
    read_straight_through,
    straight_through_figure,
)
from course_lib.figures.straight_through_state import StraightThroughState
from course_lib.figures.style import OKABE_ITO, course_style, new_figure
from course_lib.figures.temperature import (
    describe_temperature,
    explore_temperature,
    read_temperature,
    temperature_figure,
)
from course_lib.figures.temperature_state import TemperatureState, temperature_state

__all__ = [
    "OKABE_ITO",
    "AffineState",
    "Board",
    "CalibrationState",
    "CircleState",
    "DrillStatisticsState",
    "Explorer",
    "Found",
    "Frame",
    "GPTQState",
    "LiveCurves",
    "OutlierMap",
    "RooflineState",
    "SiglipState",
    "SmoothLayer",
    "SmoothState",
    "SoftmaxState",
    "StraightThroughState",
    "Sureness",
    "TemperatureState",
    "TilesState",
    "affine_examples",
    "affine_figure",
    "angle_grad",
    "bars",
    "calibration_figure",
    "circle_figure",
    "course_style",
    "curves_figure",
    "descend",
    "describe_affine",
    "describe_calibration",
    "describe_circle",
    "describe_drill_statistics",
    "describe_gptq",
    "describe_outlier_map",
    "describe_roofline",
    "describe_search",
    "describe_siglip_bias",
    "describe_smoothquant",
    "describe_softmax",
    "describe_straight_through",
    "describe_temperature",
    "describe_tiles",
    "draw_matrix",
    "drill_statistics_figure",
    "explore_affine",
    "explore_calibration",
    "explore_circle",
    "explore_gptq",
    "explore_mini_clip",
    "explore_outliers",
    "explore_roofline",
    "explore_siglip_bias",
    "explore_smoothquant",
    "explore_softmax",
    "explore_straight_through",
    "explore_temperature",
    "explore_tiles",
    "figure_html",
    "found_on",
    "gptq_example",
    "gptq_figure",
    "image_grid",
    "lines",
    "new_figure",
    "outlier_map_figure",
    "random_circle",
    "read_affine",
    "read_calibration",
    "read_circle",
    "read_gptq",
    "read_outlier_map",
    "read_roofline",
    "read_search",
    "read_siglip_bias",
    "read_smoothquant",
    "read_softmax",
    "read_straight_through",
    "read_temperature",
    "read_tiles",
    "retrieval_gallery",
    "roofline_figure",
    "search_figure",
    "show",
    "siglip_bias_figure",
    "smooth_examples",
    "smoothquant_figure",
    "softmax_example",
    "softmax_figure",
    "step",
    "straight_through_figure",
    "temperature_figure",
    "temperature_state",
    "text_gallery",
    "tiles_figure",
]
