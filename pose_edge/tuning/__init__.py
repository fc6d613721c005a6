"""Choose the model for `model.name: auto` from measured times, and change it when load changes.

`choice` picks the most accurate candidate whose measured times hold the frame rate. `governor`
steps down to a faster model when inference cannot keep up, and up again when there is room.
`pass_meter` records the times of a run's newest frames, `trial` measures one candidate during the
run, and `kept` stores the measurements in the state folder. The zoo lists the candidates.

May import everything below: errors, util, poses, config, zoo, runtimes, sinks, pipeline.

To add a candidate, add its name to zoo/candidates.py and its accuracy to models/accuracy.yaml.
"""
