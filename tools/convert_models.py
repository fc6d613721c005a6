"""Makes the bundled model files in `models/` from the published weights.

    pip install -r tools/requirements.txt        (Python 3.11; npm is needed, too)
    python tools/convert_models.py --calibration PICTURES

PICTURES calibrates the INT8 models: a folder of pictures with people, or a COCO file, whose people
are also cropped. Never use pictures that accuracy is measured on.

Exit status: 0 done; 2 wrong usage; 3 the weights or the pictures are not available; 1 any other
error, such as a failed check against the golden data. Nothing is written unless it is 0.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelkit import catalogue, fetch, files, golden, interpret, manifest, npm, samples
from modelkit.catalogue import ModelSpec, Variant
from modelkit.samples import Sample

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
GOLDEN = SHARED / "golden"
CALIBRATION = SHARED / "coco" / "calibration.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parse(arguments)
    specs = [s for s in catalogue.MODELS if not options.names or s.name in options.names]
    listing = options.output / "manifest.yaml"
    try:
        known = manifest.parse(listing.read_text(encoding="utf-8")) if listing.exists() else []
        say(f"weights: {catalogue.PACKAGE}")
        pins = {path: pin for spec in specs for path, pin in spec.pins.items()}
        published = npm.package_files(catalogue.PACKAGE, pins, options.cache)
        pictures = calibration(specs, options.calibration)
        made = {spec: convert(spec, published, pictures) for spec in specs}
        if options.golden is None:
            say("check skipped: there is no ../shared/data/golden, and no --golden was given")
        else:
            wrong = [s.name for s, model in made.items() if not agrees(s, model, options.golden)]
            if wrong:
                return fail(
                    f"{', '.join(wrong)}: other answers than the golden data; nothing written", 1
                )
    except (fetch.FetchError, files.ChecksumError, samples.SamplesError) as error:
        return fail(str(error), 3)
    except (golden.GoldenError, manifest.ManifestError) as error:
        return fail(str(error), 1)
    fresh = [one for spec, model in made.items() for one in describe(spec, model, pictures)]
    entries = manifest.merge(known, fresh)
    contents = {options.output / spec.file: model for spec, model in made.items()}
    contents[listing] = manifest.render(entries).encode()
    files.write_together(contents)
    for written, content in contents.items():
        say(f"{written.name}: {len(content)} bytes, sha256 {files.sha256(content)}")
    return 0


def calibration(specs: Sequence[ModelSpec], source: Path | None) -> list[Sample]:
    """Return the calibration pictures; none if no model needs them.

    Args:
        specs: The models to convert.
        source: Folder or COCO file of the pictures, see `samples.find`; None if not given.

    Raises:
        SamplesError: Pictures are needed but were not given or cannot be read.
    """
    if all(spec.int8 is None for spec in specs):
        return []
    if source is None:
        raise samples.SamplesError("INT8 models need pictures with people: give --calibration")
    pictures = samples.find(source)
    people = sum(len(picture.boxes) for picture in pictures)
    say(f"calibration: {len(pictures)} pictures with {people} people")
    return pictures


def convert(spec: ModelSpec, published: Mapping[str, bytes], pictures: Sequence[Sample]) -> bytes:
    """Convert one model from the published files.

    Args:
        spec: The model.
        published: Content of each file, by its path in the package.
        pictures: Calibration pictures; not used by a model with float weights.

    Returns:
        The .tflite file.
    """
    say(f"{spec.name}: converting")
    # For reproducible bytes: oneDNN rounds folded constants differently on each kind of processor,
    # and several threads add in a different order each time.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Imported late, because TensorFlow takes seconds to load.
    from modelkit import recipes

    if spec.int8 is None:
        return recipes.make_fp16(spec, published)
    return recipes.make_int8(spec, spec.int8, published, pictures)


def agrees(spec: ModelSpec, model: bytes, folder: Path) -> bool:
    """Compare a model with the golden data, at all sizes that have room for the people.

    The differences are printed.

    Returns:
        Whether all answers are within the tolerance; True if there is no golden data for the model.
    """
    if spec.golden is None:
        say(f"{spec.name}: no golden data to compare with")
        return True
    compared, good = 0, True
    for image in spec.golden.images:
        cases = golden.load_cases(folder, spec.golden.model, image)
        square = golden.load_input(cases[0].image, spec.golden.edge)
        for height, width in spec.graphs:
            window = golden.window(cases, spec.golden.edge, (height, width))
            if window is None:
                continue
            allowed = spec.golden.tolerance
            if (height, width) != (spec.golden.edge, spec.golden.edge):
                allowed *= golden.SURROUNDINGS
            found = window.outwards(golden.poses(interpret.run(model, window.cut(square))))
            results = [golden.compare(case, found, spec.golden.ignore) for case in cases]
            right = all(result.within(allowed) for result in results)
            worst = max(results, key=lambda result: result.distance)
            left_out = f", without {', '.join(spec.golden.ignore)}" if spec.golden.ignore else ""
            say(
                f"{spec.name}: {'agrees' if right else 'DISAGREES'} on {image} at {height}x{width}:"
                f" {sum(result.compared for result in results)} keypoints{left_out}, at most "
                f"{worst.distance:.6f} apart ({worst.keypoint}; {allowed} allowed), "
                f"scores {max(result.score for result in results):.4f}"
            )
            compared, good = compared + 1, good and right
    return good and compared > 0


def describe(spec: ModelSpec, model: bytes, pictures: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return the manifest's entries for a model file: those of the model and its variants."""
    source, result = interpret.signature(model)
    package, version = catalogue.PACKAGE.rsplit("@", 1)
    usual = Variant(spec.name, spec.sizes, spec.summary)
    return [
        manifest.entry(
            name=one.name,
            file=spec.file,
            content=model,
            family=spec.family,
            source=((1, *one.sizes[0], 3), source.dtype),
            result=result,
            summary=one.summary,
            licence=spec.source.licence,
            origin=(
                f"{spec.source.origin}; npm package {package} {version}, {spec.source.topology[0]} "
                "and .bin; converted by tools/convert_models.py"
            ),
            sizes=one.sizes if len(one.sizes) > 1 else (),
            calibration=[picture.name for picture in pictures] if spec.int8 is not None else (),
        )
        for one in (usual, *spec.variants)
    ]


def fail(reason: str, status: int) -> int:
    """Print why the command fails, and return its exit status."""
    print(f"convert_models: {reason}", file=sys.stderr)
    return status


def say(line: str) -> None:
    """Print a line of progress, unbuffered."""
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
        "--calibration",
        type=Path,
        default=CALIBRATION if CALIBRATION.is_file() else None,
        metavar="PICTURES",
        help="folder or COCO file (../shared/data/coco/calibration.json, when it is there)",
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
