"""Remove unused graphs from a TensorFlow Lite file before it is loaded.

A file may contain a graph for each of many input sizes, which share one copy of the weights. The
runtime, however, prepares every graph that it finds, used or not, and for each it keeps its own
rearranged copy of the weights (XNNPACK: 7 MB for MoveNet Thunder INT8).
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from pose_edge.zoo.flatbuffer import Table

SUBGRAPHS: Final = 2
SIGNATURES: Final = 7
"""Field numbers in the table Model of TensorFlow's schema.fbs."""
SIGNATURE_KEY: Final = 2
SUBGRAPH_INDEX: Final = 4
"""Field numbers in the table SignatureDef of TensorFlow's schema.fbs."""


def keep_sizes(content: bytes, sizes: Collection[tuple[int, int]]) -> bytes:
    """Return a model file that lists only the graphs of some input sizes, in the original order.

    Args:
        content: A file with a signature named like h224_w160 for each height and width.
        sizes: Heights and widths to keep, pixels.

    Returns:
        A file of the same length without the other graphs; `content` itself if all are kept.

    Raises:
        ValueError: The file has no graph for one of the sizes, or is damaged.
    """
    model = Table.root(content)
    signatures = model.tables(SIGNATURES)
    keys = [signature.data(SIGNATURE_KEY).decode() for signature in signatures]
    wanted = {f"h{height}_w{width}" for height, width in sizes}
    if missing := sorted(wanted - set(keys)):
        raise ValueError(f"the file has no graph {missing[0]}")
    kept = [number for number, key in enumerate(keys) if key in wanted]
    graphs = [signatures[number].number(SUBGRAPH_INDEX) for number in kept]
    if len(kept) == len(keys):
        return content
    changed = bytearray(content)
    _keep_elements(changed, model, SIGNATURES, kept)
    _keep_elements(changed, model, SUBGRAPHS, graphs)
    for index, number in enumerate(kept):
        place = signatures[number].field(SUBGRAPH_INDEX)
        if place is not None:  # an omitted field means index 0, which only the first may have
            struct.pack_into("<I", changed, place, index)
        elif index != 0:
            raise ValueError("the first graph is not that of the first signature")
    return bytes(changed)


def _keep_elements(changed: bytearray, model: Table, field: int, kept: list[int]) -> None:
    """Reduce a vector of tables to some of its elements, in place."""
    start, length = model.vector(field, 4)
    places = [start + 4 * number for number in range(length)]
    # Elements are offsets relative to their own position, so they change when an element moves.
    tables = [place + struct.unpack_from("<I", changed, place)[0] for place in places]
    struct.pack_into("<I", changed, start - 4, len(kept))
    for place, number in zip(places, kept, strict=False):
        struct.pack_into("<I", changed, place, tables[number] - place)
