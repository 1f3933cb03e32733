"""What most people write first: InsightFace in a loop, and a NumPy search over all templates. Nothing of Hadir's.

Per photo: OpenCV decodes it, `FaceAnalysis.get` detects at 640 pixels and embeds (its two other models are not loaded),
the widest face's `normed_embedding` is multiplied with the whole gallery, the best row and the claimed person's are
read. No ledger, no broker, no quality reasons, no second view, no retries: it decides nothing and keeps nothing.

`python -m benchmarks._insightface_loop PACK SELFIES GALLERY THREADS` answers every line on standard input, which says
how often to go through the selfies, with one line of JSON. THREADS `all` is the loop as it stands in every tutorial,
one process whose libraries take all cores by their own defaults; `1` is for one process per core beside others.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks._bare_worker import RAY_NICENESS, Work
from benchmarks._selfies import read_selfies

__all__ = ["InsightFaceLoop"]

DETECTOR_PX = 640


class InsightFaceLoop:
    """The package's own front door. Belongs to one thread."""

    def __init__(self, pack: Path, threads: str) -> None:
        # The package calls functions that scikit-image and NumPy are about to remove, and says so per photo.
        warnings.simplefilter("ignore", FutureWarning)
        import onnxruntime
        from insightface.app import FaceAnalysis

        options: dict[str, Any] = {}
        if threads != "all":
            options["sess_options"] = onnxruntime.SessionOptions()
            options["sess_options"].intra_op_num_threads = int(threads)
            cv2.setNumThreads(int(threads))
        self._app: Any = FaceAnalysis(
            name=str(pack),
            allowed_modules=["detection", "recognition"],
            providers=["CPUExecutionProvider"],
            **options,
        )
        self._app.prepare(ctx_id=-1, det_size=(DETECTOR_PX, DETECTOR_PX))

    def embed(self, photo: bytes) -> NDArray[np.float32] | None:
        """The widest face's unit vector (D,), None where no face is found."""
        faces = self._app.get(cv2.imdecode(np.frombuffer(photo, dtype=np.uint8), cv2.IMREAD_COLOR))
        if not faces:
            return None
        widest = max(faces, key=lambda face: face.bbox[2] - face.bbox[0])
        return np.asarray(widest.normed_embedding, dtype=np.float32)


def _main(arguments: list[str]) -> None:
    pack, selfies_file, gallery_file, threads = arguments
    os.nice(RAY_NICENESS)
    selfies = read_selfies(Path(selfies_file))
    gallery: NDArray[np.float32] = np.load(gallery_file)
    loop = InsightFaceLoop(Path(pack), threads)
    for line in sys.stdin:
        passes, start_s = int(line), time.perf_counter()
        for _ in range(passes):
            for claimed, selfie in enumerate(selfies):
                if (vector := loop.embed(selfie.photo)) is not None:
                    similarities = gallery @ vector
                    float(similarities.max()), float(similarities[claimed])
        seconds = time.perf_counter() - start_s
        work = Work(passes * len(selfies), seconds, 0.0, psutil.Process().memory_info().rss)
        print(msgspec.json.encode(work).decode(), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
