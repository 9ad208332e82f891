"""How sure a median is. The interval lies between two of the sorted values, so it assumes nothing about their distribution."""
import math
import statistics

WANTED = 0.95


def coverage(count, skipped):
    """The probability that the true median lies within `count` sorted values when the `skipped` lowest and highest are left out."""
    return 1 - 2 * sum(math.comb(count, below) for below in range(skipped + 1)) / 2 ** count


def interval(values):
    """(low, high, coverage): the narrowest interval that holds the true median with a probability of 95 %. Fewer than six values give no such
    interval: then it is all of them, with the probability that they reach."""
    ordered = sorted(values)
    skipped = 0
    while 2 * (skipped + 2) <= len(ordered) and coverage(len(ordered), skipped + 1) >= WANTED:
        skipped += 1
    return ordered[skipped], ordered[-1 - skipped], coverage(len(ordered), skipped)


def ratios(ours, theirs):
    """The ratios within each round."""
    return [a / b for a, b in zip(ours, theirs)]


def verdict(values, bound, most):
    """Is the median at least `bound` (with `most`: at most)? An interval that holds the bound decides nothing."""
    low, high, _ = interval(values)
    if low <= bound <= high and low != high:
        return "undecided, " + ("holds" if (statistics.median(values) <= bound) == most else "does not hold") + " at the median"
    return "holds" if (high <= bound if most else low >= bound) else "does not hold"
