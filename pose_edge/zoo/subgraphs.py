"""Leave graphs of a TensorFlow Lite file out before it is loaded.

A file may have a graph for each of many input sizes, with one copy of the weights for all of them.
But whatever loads it prepares every graph that it finds, and for each it keeps its own, rearranged
copy of all the weights (XNNPACK: 7 MB of them for MoveNet Thunder with 8 bits), used or not.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from pose_edge.zoo.flatbuffer import Table

SUBGRAPHS: Final = 2
SIGNATURES: Final = 7
"""Fields of the table Model in TensorFlow's schema.fbs, and below of SignatureDef."""
SIGNATURE_KEY: Final = 2
SUBGRAPH_INDEX: Final = 4


def keep_sizes(content: bytes, sizes: Collection[tuple[int, int]]) -> bytes:
    """Return a model file with the graphs of some input sizes alone, in their order in the file.

    Args:
        content: A file with a signature called h224_w160 for each height and width.
        sizes: Heights and widths to keep.

    Returns:
        A file that lists no other graphs: as long as before, and the same where none is left out.

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
        if place is not None:  # one that is left out stands for 0, the first, which stays so
            struct.pack_into("<I", changed, place, index)
        elif index != 0:
            raise ValueError("the first graph is not that of the first signature")
    return bytes(changed)


def _keep_elements(changed: bytearray, model: Table, field: int, kept: list[int]) -> None:
    """Shorten a vector of tables to some of its elements, in place."""
    start, length = model.vector(field, 4)
    places = [start + 4 * number for number in range(length)]
    # An element says how far away its table is; so it must say something else where it moves to.
    tables = [place + struct.unpack_from("<I", changed, place)[0] for place in places]
    struct.pack_into("<I", changed, start - 4, len(kept))
    for place, number in zip(places, kept, strict=False):
        struct.pack_into("<I", changed, place, tables[number] - place)
