"""The data sets, as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_datasets() -> Iterator[Component]:
    """A generated set, plain folders, and the published ones."""
    for name, target, summary in (
        ("camouflage", "camouflage:Camouflage", "Camouflaged objects, generated: no files, new images in every epoch"),
        ("cod10k", "cod10k:Cod10k", "COD10K-v3 (Fan et al., CVPR 2020): 3040 training and 2026 test pairs"),
        ("camo", "benchmark:Camo", "CAMO (Le et al., CVIU 2019): 1000 training and 250 test pairs"),
        ("chameleon", "benchmark:Chameleon", "CHAMELEON (Skurowski et al., 2018): 76 test pairs"),
        ("nc4k", "benchmark:Nc4k", "NC4K (Lyu et al., CVPR 2021): 4121 test pairs"),
        ("concat", "concat:Concat", "Several data sets as one, such as COD10K and CAMO: 4040 training pairs"),
        ("folder", "folder:Folder", "Your own images and masks, in two sub-folders, split or not"),  # recognized last
    ):
        yield Component(
            name=name,
            target=f"frame_datasets.{target}",
            options=f"frame_datasets.options:{target.partition(':')[2]}Options",
            summary=summary,
            serves=("binary", "multiclass") if name in {"camouflage", "concat", "folder"} else ("binary",),
        )
