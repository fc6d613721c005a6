"""Edits .tflite signatures: orders the outputs, and merges several picture sizes into one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from .catalogue import Size
from .packing import pack


def order_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """Reorder the outputs of a model, and name them as in its signature.

    The converter puts them in an arbitrary order and calls them PartitionedCall:0, ...; only the
    signature still identifies them.

    Args:
        model: A model with one signature.
        names: Names of the outputs in the signature, in the wanted order.

    Raises:
        ValueError: The signature has other outputs.
    """
    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    graph, (signature,) = flat.subgraphs[0], flat.signatureDefs
    found = {output.name.decode(): output for output in signature.outputs}
    if set(found) != set(names):
        raise ValueError(f"the model has the outputs {sorted(found)}, not {sorted(names)}")
    signature.outputs = [found[name] for name in names]
    graph.outputs = [found[name].tensorIndex for name in names]
    for name in names:
        graph.tensors[found[name].tensorIndex].name = name.encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(flat))


def merge(models: Mapping[Size, bytes]) -> bytes:
    """Merge the models of several picture sizes into one file that stores equal data once.

    Args:
        models: Each model by height and width of its picture. The first one is what an interpreter
            runs if no signature is selected.

    Returns:
        One model with a signature and a subgraph for each size; the signature of 224x160 is named
        h224_w160. The signature of a single model keeps its name.
    """
    flats = [
        flatbuffer_utils.read_model_from_bytearray(bytearray(model)) for model in models.values()
    ]
    if len(flats) == 1:
        return pack(flats[0])
    merged = flats[0]
    # By convention, buffer 0 is empty.
    buffers, places = [merged.buffers[0]], {b"": 0}
    codes: list[schema.OperatorCodeT] = []
    kinds: dict[tuple[object, ...], int] = {}
    subgraphs: list[schema.SubGraphT] = []
    signatures: list[schema.SignatureDefT] = []
    for (height, width), flat in zip(models, flats, strict=True):
        (graph,), (signature,) = flat.subgraphs, flat.signatureDefs
        for tensor in graph.tensors:
            buffer = flat.buffers[tensor.buffer]
            data = b"" if buffer.data is None else bytes(buffer.data)
            if data not in places:
                places[data] = len(buffers)
                buffers.append(buffer)
            tensor.buffer = places[data]
        for operator in graph.operators:
            code = flat.operatorCodes[operator.opcodeIndex]
            kind = (code.deprecatedBuiltinCode, code.builtinCode, code.version, code.customCode)
            if kind not in kinds:
                kinds[kind] = len(codes)
                codes.append(code)
            operator.opcodeIndex = kinds[kind]
        graph.name = signature.signatureKey = f"h{height}_w{width}".encode()
        signature.subgraphIndex = len(subgraphs)
        subgraphs.append(graph)
        signatures.append(signature)
    merged.buffers, merged.operatorCodes = buffers, codes
    merged.subgraphs, merged.signatureDefs = subgraphs, signatures
    # The metadata states the converter's version and refers to buffers by their old numbers.
    merged.metadata, merged.metadataBuffer = [], []
    return pack(merged)
