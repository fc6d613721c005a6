"""A TensorFlow function to the bytes of a .tflite file."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.types.experimental import ConcreteFunction


def convert_fp16(function: ConcreteFunction) -> bytes:
    """Converts a concrete function; weights are float16, everything is computed in float32.

    The weights are published as float16, so this loses nothing and halves the file.
    """
    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def convert_fp32(function: ConcreteFunction) -> bytes:
    """Converts a concrete function as it is, with float32 weights: what is quantised next."""
    return bytes(_converter(function).convert())


def _converter(function: ConcreteFunction) -> tf.lite.TFLiteConverter:
    # The owner makes the converter write a signature, which names input and output for runtimes
    # and quantisers that ask for them by name.
    owner = tf.Module()
    owner.function = function
    return tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
