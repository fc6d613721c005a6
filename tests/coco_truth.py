"""Pictures of one person each, and their annotations in COCO's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
from helpers import noise, person

from pose_edge.poses import FloatArray

Json = dict[str, Any]
WIDTH, HEIGHT = 200, 160


def body(index: int) -> FloatArray:
    """Return the keypoints of the person in a picture; the position differs in each picture."""
    return person(0.9, centre=(0.3 + 0.05 * index, 0.5), scale=0.8)


def annotation(index: int, keypoints: FloatArray, image_id: int | None = None) -> Json:
    pixels = keypoints[:, :2].astype(float) * (WIDTH, HEIGHT)
    x0, y0 = pixels.min(axis=0).tolist()
    x1, y1 = pixels.max(axis=0).tolist()
    return {
        "id": index + 1,
        "image_id": 10 * index if image_id is None else image_id,
        "category_id": 1,
        "iscrowd": 0,
        "num_keypoints": 17,
        "keypoints": [v for x, y in pixels.tolist() for v in (x, y, 2)],
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0) / 2,
    }


def coco(count: int = 4) -> Json:
    return {
        "images": [
            {"id": 10 * n, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT}
            for n in range(count)
        ],
        "annotations": [annotation(n, body(n)) for n in range(count)],
        "categories": [{"id": 1, "name": "person"}],
    }


def write(folder: Path, data: object, *, pictures: int = 4) -> Path:
    path = folder / "truth.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    for n in range(pictures):
        image = noise(WIDTH, HEIGHT, seed=n)
        image[0, 0] = n  # the picture's number, for the fake model
        cv2.imwrite(str(folder / f"{n}.png"), image)
    return path
