"""Sets of numbers, written as ranges: `[[0, 999], [1001, 1999]]`."""

from collections.abc import Iterable


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Inclusive, in order."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number <= found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
