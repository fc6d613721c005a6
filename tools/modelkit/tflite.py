"""Converts a TensorFlow function to the bytes of a .tflite file."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.types.experimental import ConcreteFunction


def convert_fp16(function: ConcreteFunction) -> bytes:
    """Convert a concrete function to a model with float16 weights and float32 computation.

    The published weights are float16, so this is lossless and halves the file.
    """
    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def convert_fp32(function: ConcreteFunction) -> bytes:
    """Convert a concrete function to a model with float32 weights, for quantisation."""
    return bytes(_converter(function).convert())


def _converter(function: ConcreteFunction) -> tf.lite.TFLiteConverter:
    # With an owner, the converter writes a signature, from which runtimes and quantisers take the
    # names of inputs and outputs.
    owner = tf.Module()
    owner.function = function
    return tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
