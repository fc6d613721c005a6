import numpy as np
from ai_edge_litert import schema_py_generated as schema
from modelkit import packing


def model(tensors: int) -> schema.ModelT:
    """Return a model whose tensors differ only in their index."""
    graph = schema.SubGraphT(inputs=[0], outputs=[tensors - 1], operators=[])
    graph.tensors = [
        schema.TensorT(
            shape=[1, 2, 3],
            name=b"a name of some length",
            quantization=schema.QuantizationParametersT(
                scale=np.full(100, 0.5, np.float32), zeroPoint=[7] * 100
            ),
        )
        for _ in range(tensors)
    ]
    return schema.ModelT(version=3, subgraphs=[graph], buffers=[schema.BufferT()])


def test_what_is_equal_is_written_once_and_read_everywhere() -> None:
    one, two, many = (packing.pack(model(count)) for count in (1, 2, 50))
    # Another tensor costs a table for itself and for its quantisation, but no list or string.
    assert len(two) - len(one) < 100
    assert len(many) - len(one) < 49 * 100
    assert many[4:8] == packing.IDENTIFIER
    read = schema.ModelT.InitFromPackedBuf(many, 0)
    assert len(read.subgraphs[0].tensors) == 50
    for tensor in read.subgraphs[0].tensors:
        assert (tensor.name, list(tensor.shape)) == (b"a name of some length", [1, 2, 3])
        assert list(tensor.quantization.scale) == [0.5] * 100
        assert list(tensor.quantization.zeroPoint) == [7] * 100


def test_the_same_numbers_of_another_type_are_another_list() -> None:
    builder = packing.SharingBuilder()
    kinds = [np.int32, np.int64, np.float32, np.int32]
    places = [builder.CreateNumpyVector(np.zeros(4, kind)) for kind in kinds]
    assert len(set(places)) == 3
    assert places[0] == places[3]
    assert builder.CreateString("a") == builder.CreateString(b"a") != builder.CreateString("b")


def test_packing_again_changes_nothing() -> None:
    once = packing.pack(model(5))
    assert packing.pack(schema.ModelT.InitFromPackedBuf(once, 0)) == once
