"""The colours of classes."""

from __future__ import annotations

from frame import CLASS_COLOURS


def test_no_class_is_taken_for_the_background_and_neighbours_differ() -> None:
    classes = CLASS_COLOURS[1:255].astype(int)
    assert classes.max(1).min() > 36
    assert abs(classes[1:] - classes[:-1]).max(1).min() > 20
    assert not CLASS_COLOURS[0].any()
