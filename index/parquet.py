"""Templates as Parquet bytes: the only file of this folder that imports pyarrow.

Bytes, not paths: a reader checks a file's size and SHA-256 before anything parses it, and parses what it checked. The
bytes are deterministic for one version of pyarrow, so the same content has the same checksum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hadir.core.evidence import FaceMeasures
from hadir.core.vectors import Vectors, as_unit_vectors
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

__all__ = ["MOST_FILE_BYTES", "MOST_ROWS", "pack_templates", "unpack_owners", "unpack_templates"]

MOST_ROWS = 2_000_000
MOST_FILE_BYTES = 1 << 30
"""A part holds 50,000 templates (200 MiB at 1,024 dimensions); a file beyond these was not written by Hadir."""

_FACE = pa.struct(
    [
        ("box_px", pa.list_(pa.float64(), 4)),
        ("width_px", pa.float64()),
        ("detector_score", pa.float64()),
        ("presence", pa.float64()),
        ("yaw_deg", pa.float64()),
        ("pitch_deg", pa.float64()),
        ("roll_deg", pa.float64()),
        ("sharpness", pa.float64()),
        ("brightness", pa.float64()),
    ]
)


_MEASURES = tuple(field.name for field in fields(FaceMeasures))


def _template_schema(space: EmbeddingSpace) -> pa.Schema:
    return pa.schema(
        [
            pa.field("person", pa.string(), nullable=False),
            pa.field("template_id", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), space.dimension), nullable=False),
            pa.field("embedding_space", pa.string(), nullable=False),
            pa.field("pack", pa.string(), nullable=False),
            pa.field("face", _FACE),
            pa.field("legal_basis", pa.string()),
            pa.field("notice_version", pa.string()),
            pa.field("enrolled_at_ms", pa.int64(), nullable=False),
        ],
        metadata={"space": space.name},
    )


def pack_templates(templates: Sequence[Template], space: EmbeddingSpace) -> bytes:
    """One row per template. Raises ValueError on a vector that is not (D,) unit norm."""
    vectors = as_unit_vectors(np.stack([t.vector for t in templates]), space.dimension)
    columns = {
        "person": [t.person for t in templates],
        "template_id": [t.id for t in templates],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), space.dimension),
        "embedding_space": [space.name] * len(templates),
        "pack": [space.pack] * len(templates),
        "face": [None if t.face is None else _measures(t.face) for t in templates],
        "legal_basis": [t.legal_basis for t in templates],
        "notice_version": [t.notice_version for t in templates],
        "enrolled_at_ms": [t.enrolled_at_ms for t in templates],
    }
    return _write(pa.table(columns, schema=_template_schema(space)))


def _measures(face: FaceMeasures) -> dict[str, object]:
    """As `dataclasses.asdict`, which takes ten times as long since it copies every value."""
    return {name: getattr(face, name) for name in _MEASURES}


def unpack_templates(content: bytes, space: EmbeddingSpace) -> list[Template]:
    """The rows in the order written.

    Raises:
        ValueError: not Parquet, another schema or space than `space`, too large, or a vector that is not unit norm.
    """
    table = _read(content, _template_schema(space))
    vectors = _matrix(table, space.dimension)
    rows = table.drop_columns(["vector", "embedding_space", "pack"]).to_pylist()
    return [_template(row, vectors[place]) for place, row in enumerate(rows)]


def unpack_owners(content: bytes, space: EmbeddingSpace) -> dict[str, str]:
    """Template id to person, a twentieth of the time that the templates take. Raises as `unpack_templates`."""
    table = _read(content, _template_schema(space), ("template_id", "person"))
    rows = table.to_pylist()
    return {row["template_id"]: row["person"] for row in rows}


def _template(row: dict[str, Any], vector: Vectors) -> Template:
    face = row["face"]
    return Template(
        id=row["template_id"],
        person=row["person"],
        vector=vector,
        enrolled_at_ms=row["enrolled_at_ms"],
        face=None if face is None else FaceMeasures(**{**face, "box_px": tuple(face["box_px"])}),
        legal_basis=row["legal_basis"],
        notice_version=row["notice_version"],
    )


def _matrix(table: pa.Table, dimension: int) -> Vectors:
    lists = cast("pa.FixedSizeListArray[Any, Any]", table.column("vector").combine_chunks())
    return as_unit_vectors(lists.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension), dimension)


def _write(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def _read(content: bytes, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        stored = file.metadata
        groups = range(stored.num_row_groups)
        unpacked_bytes = sum(stored.row_group(group).total_byte_size for group in groups)
        if stored.num_rows > MOST_ROWS or unpacked_bytes > MOST_FILE_BYTES:
            raise ValueError(f"{stored.num_rows} rows of {unpacked_bytes} bytes are more than {MOST_ROWS} or 1 GiB")
        if not file.schema_arrow.equals(schema) or (file.schema_arrow.metadata or {}) != (schema.metadata or {}):
            raise ValueError("its columns or its embedding space are not the expected ones")
        table = file.read(None if columns is None else list(columns))
        table.validate(full=True)
    except (pa.ArrowException, OSError) as err:
        raise ValueError("it is not readable as Parquet") from err
    return table
