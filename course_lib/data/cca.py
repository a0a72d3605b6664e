"""Canonical correlation analysis: two feature spaces made one, in closed form."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64


class CanonicalMaps(NamedTuple):
    """The affine maps x ↦ (x − x_mean) x_map and y ↦ (y − y_mean) y_map into one space of ``dim`` axes."""

    x_mean: Float64[np.ndarray, " x_dim"]
    x_map: Float64[np.ndarray, "x_dim dim"]
    y_mean: Float64[np.ndarray, " y_dim"]
    y_map: Float64[np.ndarray, "y_dim dim"]
    correlations: Float64[np.ndarray, " dim"]


def fit_cca(
    x: Float64[np.ndarray, "num_pairs x_dim"],
    y: Float64[np.ndarray, "num_pairs y_dim"],
    dim: int,
    ridge: float = 1.0,
) -> CanonicalMaps:
    """Find the directions in which paired x and y agree most, and project onto them.

    C_x = XᵀX/M + ridge · tr(XᵀX/M)/D_x · I, C_y likewise
    C_x^(−½) (XᵀY/M) C_y^(−½) = U diag(ρ) Vᵀ
    x_map = C_x^(−½) U diag(ρ)^½, y_map = C_y^(−½) V diag(ρ)^½, the first ``dim`` columns of each

    Parameters
    ----------
    x : float64 array, shape [num_pairs, x_dim]
        Row i belongs to row i of ``y``. Centred here; M = num_pairs.
    y : float64 array, shape [num_pairs, y_dim]
        The other features.
    dim : int, 1 ≤ dim ≤ min(x_dim, y_dim)
        Axes to keep.
    ridge : float, default 1.0
        Must be positive, in units of the mean variance of a feature. With as many features as pairs, no
        ridge means ρ = 1 everywhere and nothing learned.

    Returns
    -------
    CanonicalMaps
        The means, the two maps and the regularised canonical correlations ρ, descending, in [0, 1].

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or ``ridge`` is not positive.
    TypeError, ValueError
        If ``dim`` is not an integer in its range.

    Notes
    -----
    The inverse roots come from ``eigh``, with eigenvalues that rounding made negative set to 0 before the
    ridge is added; a feature that never varies thus costs nothing. The factor diag(ρ)^½ makes the maps the
    posterior means of probabilistic CCA: directions that agree little count little in a cosine. The signs of
    singular vectors are arbitrary, but both maps share them, so dot products across x and y do not change.

    References
    ----------
    Hotelling, "Relations between two sets of variates", Biometrika 1936. Vinod, "Canonical ridge and
    econometrics of joint production", J. Econometrics 1976. Bach & Jordan, "A probabilistic interpretation of
    canonical correlation analysis", 2005, section 4.
    """
    from course_lib.validate import check_int  # late, for it loads torch: see split_emoji

    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or x.size == 0 or y.size == 0:
        raise ValueError(
            "x and y must be non-empty matrices with equally many rows, "
            f"got shapes {list(x.shape)} and {list(y.shape)}."
        )
    check_int("dim", dim, low=1, high=min(x.shape[1], y.shape[1]))
    if not 0 < ridge < np.inf:
        raise ValueError(f"ridge must be positive and finite, got {ridge}.")
    for name, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got NaN or an infinity.")
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    x_white, y_white = _inverse_root(x, ridge), _inverse_root(y, ridge)
    u, correlations, vt = np.linalg.svd((x @ x_white).T @ (y @ y_white) / len(x), full_matrices=False)
    weights = np.sqrt(correlations[:dim])
    return CanonicalMaps(
        x_mean, x_white @ u[:, :dim] * weights, y_mean, y_white @ vt[:dim].T * weights, correlations[:dim]
    )


def _inverse_root(x: Float64[np.ndarray, "num_pairs dim"], ridge: float) -> Float64[np.ndarray, "dim dim"]:
    """C^(−½) Q for an orthogonal Q, of centred rows: Q drops out in the SVD, so it need not be undone."""
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    variances = np.maximum(variances, 0)
    mean = variances.mean()
    # Features that are all constant have no scale of their own; any positive number maps them to zero.
    return directions / np.sqrt(variances + ridge * (mean if mean > 0 else 1.0))
