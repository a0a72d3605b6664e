"""How fast decoding can be at best: bytes over bandwidth, or operations over the arithmetic rate."""

from course_lib.validate import check_int, check_not_negative, check_positive, check_scale


def bytes_per_token(
    parameters: int,
    bits: int,
    group_size: int | None = None,
    scale_bits: int = 16,
    zero_point_bits: int = 0,
    *,
    batch: int = 1,
    kv_bytes: float = 0.0,
    context: int = 0,
) -> float:
    """Bytes that must be read from memory to generate one token.

    parameters · (bits + (scale_bits + zero_point_bits) / group_size) / 8 / batch + kv_bytes · context

    Parameters
    ----------
    parameters : int
        Weights that each token passes through. Of an embedding table a token reads one row, so it does not
        count, unless it is also the output layer.
    bits : int from 2 to 32
        Of a weight: 32, 16, 8, 4.
    group_size : int, optional
        Weights that share a scale. None: so many that scales do not count, or no scales at all.
    scale_bits, zero_point_bits : int
        Kept for each group.
    batch : int, default 1
        Sequences that are decoded together: they share one reading of the weights, not the caches.
    kv_bytes : float, default 0
        Bytes of cache for each token of the context, from `kv_bytes_per_token`.
    context : int, default 0
        Tokens so far: all their keys and values are read for the next one.

    Returns
    -------
    float
        Bytes for one token of one sequence.

    Raises
    ------
    TypeError, ValueError
        If a number is of the wrong kind or out of range.

    References
    ----------
    Williams et al. 2009, *Roofline: an insightful visual performance model*.

    Examples
    --------
    >>> bytes_per_token(7_000_000_000, 16) / 1e9, bytes_per_token(7_000_000_000, 4, 128) / 1e9
    (14.0, 3.609375)
    """
    check_int("parameters", parameters, low=1)
    check_int("bits", bits, low=2, high=32)
    if group_size is not None:
        check_int("group_size", group_size, low=1)
    check_int("scale_bits", scale_bits, low=0)
    check_int("zero_point_bits", zero_point_bits, low=0)
    check_int("batch", batch, low=1)
    check_scale("kv_bytes", kv_bytes)  # finite: below, an infinity is allowed
    check_not_negative("kv_bytes", kv_bytes)
    check_int("context", context, low=0)
    for_grid = 0.0 if group_size is None else (scale_bits + zero_point_bits) / group_size
    return parameters * (bits + for_grid) / 8 / batch + kv_bytes * context


def tokens_per_second_bound(bandwidth: float, bytes_read: float) -> float:
    """The most tokens a second that memory allows, for all sequences of a batch together.

    bandwidth / bytes for each token

    Parameters
    ----------
    bandwidth : float > 0
        Bytes a second, as measured: a processor's data sheet promises more.
    bytes_read : float > 0
        Bytes for each token, from `bytes_per_token`.

    Returns
    -------
    float
        A bound, not a forecast: arithmetic may take longer than reading, as it does in large batches, and
        weights that are first written out in more bits than they are kept in are moved more than once.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive and finite.

    Examples
    --------
    >>> tokens_per_second_bound(40e9, bytes_per_token(135_000_000, 8))
    296.2962962962963
    """
    check_positive("bandwidth", bandwidth)
    check_positive("bytes_read", bytes_read)
    return bandwidth / bytes_read


def roofline_tokens_per_second(bandwidth: float, bytes_read: float, rate: float, operations: float) -> float:
    """The most tokens a second that memory and arithmetic allow, if the two overlap completely.

    min(bandwidth / bytes for each token, rate / operations for each token)

    Parameters
    ----------
    bandwidth, bytes_read : float > 0
        As for `tokens_per_second_bound`.
    rate : float > 0
        Operations a second that the processor reaches in this arithmetic.
    operations : float > 0
        For each token: two, a product and a sum, for each weight that it passes through.

    Returns
    -------
    float
        The lower one of the two roofs.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive and finite.

    References
    ----------
    Williams et al. 2009, *Roofline: an insightful visual performance model*, equation 1, over operations.

    Examples
    --------
    >>> for batch in (1, 64):
    ...     read = bytes_per_token(135_000_000, 32, batch=batch)
    ...     print(round(roofline_tokens_per_second(20e9, read, 100e9, 2 * 135_000_000)))
    37
    370
    """
    check_positive("rate", rate)
    check_positive("operations", operations)
    return min(tokens_per_second_bound(bandwidth, bytes_read), rate / operations)


def critical_batch(bits_per_weight: float, bandwidth: float, rate: float) -> float:
    """Sequences decoded together from which arithmetic takes longer than reading the weights.

    rate · (bits_per_weight / 8) / (2 · bandwidth)

    Parameters
    ----------
    bits_per_weight : float > 0
        Scales included: see `effective_bits`.
    bandwidth, rate : float > 0
        Bytes and operations a second.

    Returns
    -------
    float
        Where both roofs meet, caches left out: they add bytes with each sequence, and move it up, or away.

    Raises
    ------
    TypeError, ValueError
        If a number is not positive and finite.

    Examples
    --------
    >>> critical_batch(16, 2e12, 1000e12)  # a large graphics card
    500.0
    """
    check_positive("bits_per_weight", bits_per_weight)
    check_positive("bandwidth", bandwidth)
    check_positive("rate", rate)
    return rate * (bits_per_weight / 8) / (2 * bandwidth)
