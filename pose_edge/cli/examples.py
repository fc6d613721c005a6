"""Examples for the help of each command, each with an explanation."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (
        ("pose-edge run", "show the camera with skeletons, or a demo clip where there is none"),
        ("pose-edge doctor", "check this machine, and say what to fix"),
        ("pose-edge run --help", "list the options of a command"),
    ),
    "run": (
        ("pose-edge run holiday.mp4 --record out.mp4", "show a video, and record what is shown"),
        (
            "pose-edge run /dev/video0 --display none --poses -",
            "print the poses of a USB camera, one JSON object a frame",
        ),
    ),
    "annotate": (
        ("pose-edge annotate holiday.mp4", "write holiday-poses.mp4 into the current folder"),
        (
            "pose-edge annotate a.jpg b.jpg clip.mp4 -o drawn --poses poses.jsonl",
            "write three files into the folder drawn, and all poses into one file",
        ),
    ),
    "models": (
        ("pose-edge models list", "list all models"),
        ("pose-edge models fetch movenet-lightning-edgetpu", "download the model for a Coral"),
    ),
    "models list": (
        ("pose-edge models list", "list all models, with size and accuracy"),
        ("pose-edge models list --json", "the same for programs"),
    ),
    "models info": (
        ("pose-edge models info movenet-lightning-int8", "describe the default model"),
        ("pose-edge models info posenet-mobilenet --json", "describe a model for programs"),
    ),
    "models fetch": (
        ("pose-edge models fetch movenet-lightning-edgetpu", "download a model for a Coral"),
        (
            "pose-edge models fetch movenet-lightning-edgetpu movenet-thunder-edgetpu",
            "download both",
        ),
    ),
    "models verify": (
        ("pose-edge models verify", "check all model files that are here"),
        ("pose-edge models verify movenet-thunder-int8", "check one"),
    ),
    "bench": (
        ("pose-edge bench model", "time all models that ship"),
        ("pose-edge bench pipeline --json", "compare the pipeline with a bare loop, as JSON"),
    ),
    "bench model": (
        ("pose-edge bench model", "time all models that ship"),
        (
            "pose-edge bench model movenet-lightning-int8 movenet-thunder-int8 --threads 1,2",
            "compare two models on one thread and on two",
        ),
        ("pose-edge bench model --markdown", "the same of all models, to paste into an issue"),
    ),
    "bench pipeline": (
        ("pose-edge bench pipeline", "compare on the demo clip"),
        ("pose-edge bench pipeline --source holiday.mp4 --rounds 5", "compare on a video"),
        ("pose-edge bench pipeline --camera 30", "measure the latency with a camera of 30 fps"),
        (
            "pose-edge bench pipeline --source holiday.mp4 --against 'python3 other.py {source}'",
            "compare with another program",
        ),
    ),
    "bench child": (
        ("pose-edge bench child", "measure with the default model"),
        ("pose-edge bench child --model movenet-thunder-int8", "measure with another"),
    ),
    "tune": (
        ("pose-edge tune", "measure with the configured camera and screen, and say which model"),
        (
            "pose-edge tune --source demo --target-fps 15 --write",
            "measure with the demo clip what holds 15 fps, and keep it in the configuration",
        ),
    ),
    "eval": (
        (
            "pose-edge eval --annotations person_keypoints_val2017.json --images val2017",
            "measure the default model on COCO",
        ),
        (
            "pose-edge eval --annotations mine.json --images mine --resume answers.jsonl",
            "measure on pictures of your own, and continue after an interruption",
        ),
    ),
    "doctor": (
        ("pose-edge doctor", "check everything, and take a picture with the camera"),
        ("pose-edge doctor --source rtsp://192.168.1.45/live", "check a network camera too"),
    ),
    "config": (
        ("pose-edge config check", "check the configuration in force"),
        ("pose-edge config show --origin", "print each setting, and where its value comes from"),
    ),
    "config check": (
        ("pose-edge config check", "check the configuration in force"),
        ("pose-edge config check --config new.yaml", "check another file before it is used"),
    ),
    "config show": (
        ("pose-edge config show --defaults > config.yaml", "write a configuration to start from"),
        ("pose-edge config show --origin", "print where each value comes from"),
    ),
    "config schema": (
        ("pose-edge config schema > schema.json", "write the schema, for an editor to check with"),
        ("pose-edge config schema | head", "look at the schema"),
    ),
    "schema": (
        ("pose-edge schema > pose-line.schema.json", "write the schema, for a program to check"),
        ("pose-edge schema | head", "look at the schema"),
    ),
    "completion": (
        (
            "pose-edge completion bash > ~/.local/share/bash-completion/completions/pose-edge",
            "install it for bash (in a folder that may have to be made first)",
        ),
        (
            "pose-edge completion zsh > ~/.zfunc/_pose-edge",
            "install it for zsh, if ~/.zfunc is in its $fpath",
        ),
    ),
    "service": (
        ("sudo pose-edge service install", "run from power-on"),
        ("pose-edge service status", "print whether it runs"),
    ),
    "service install": (
        ("pose-edge service install --dry-run", "print what would be done"),
        (
            "sudo pose-edge service install --set source.name=rtsp://192.168.1.45/live",
            "install, with a network camera",
        ),
    ),
    "service uninstall": (
        ("sudo pose-edge service uninstall", "remove the service, and keep its data"),
        ("sudo pose-edge service uninstall --purge", "remove its data too"),
    ),
    "service status": (
        ("pose-edge service status", "print whether it runs, and what it does"),
        ("pose-edge service status --json", "the same for programs"),
    ),
}
"""Example command lines and explanations, by full name of command or group; "" is the program."""
