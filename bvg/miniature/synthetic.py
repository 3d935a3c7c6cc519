"""Synthetic images with known shape, texture and mask, as functions of split, index and seed.

Each of the sixteen classes has one shape and one texture; in an ordinary image both indicate the class. An image is the same
in any batch, order or process, because every random number depends on (seed, split, index) only. Arithmetic is in float64 and
rounded once, to 8 bits, so that machines with slightly different sines give the same images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bvg.kernels.randomness import check_seed, normal, uniform
from bvg.miniature.drawing import FACTORS, SIZE, Look, compose
from bvg.miniature.shapes import SHAPES

CLASSES = SHAPES  # a class is named after its shape; class k has texture TEXTURES[k]
VERSION = 1
"""Version of the images. Increase it when any image changes: a run folder is not resumed with another version."""
CHUNK = 64  # images drawn at a time, so that they fit in a processor's cache
_LATTICE = 32


_ORDINARY = Look()
_CLEAR = {"plain": 0.0, "occluded": 0.0}  # both cues must be visible where they compete
SPLITS: dict[str, Look] = {
    "train": _ORDINARY,
    "val": _ORDINARY,
    "v2": Look(
        radius=(16, 23),
        offset=10,
        rotation=24,
        contrast=(0.1, 0.5),
        brightness=(0.05, 0.95),
        clutter=0.4,
        distractors=3,
    ),
    "cue-conflict": Look(**_CLEAR),
    "stylized": Look(**_CLEAR),
    "sketch": Look(drawing="outline", warp=4),
    "silhouette": Look(drawing="filled", warp=4),
    "texture": Look(drawing="texture", **_CLEAR),
}


class Scenes(NamedTuple):
    """Synthetic images and their ground truth.

    Attributes:
        images: uint8 [N, 3, 64, 64].
        shape: int64 [N], positions in `SHAPES`.
        texture: int64 [N], positions in `TEXTURES`.
        mask: uint8 [N, 64, 64], share of each pixel that the object fills (255: all of it), ignoring what covers the object.
    """

    images: Tensor
    shape: Tensor
    texture: Tensor
    mask: Tensor


def images(split: str, which: int | Sequence[int] | Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images of a split and their classes.

    Image i is of class i mod 16, so that 16 successive images contain each class once. The label is the class of the shape
    (in "stylized" and "cue-conflict" the texture belongs to another class), except in "texture", where it is that of the texture.

    Args:
        split: one of `SPLITS`: "train", "val", "v2" (smaller and less central objects, busier background), "cue-conflict",
            "stylized" (random texture), "sketch", "silhouette", "texture" (no outline).
        which: the number of images, counted from the first; or their positions, int [N].
        seed: integer in [0, 2**64).

    Returns:
        images uint8 [N, 3, 64, 64], labels int64 [N] in 0 … 15.

    Raises:
        ValueError: if the split is unknown, a position is negative or the seed is out of range.

    >>> pictures, labels = images("val", [5, 21])
    >>> pictures.shape, pictures.dtype, labels
    (torch.Size([2, 3, 64, 64]), torch.uint8, tensor([5, 5]))
    """
    sample = scenes(split, which, seed)
    return sample.images, sample.texture if split == "texture" else sample.shape


def cue_conflict(which: int | Sequence[int] | Tensor = 1200, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return images with the shape of one class and the texture of another.

    240 successive images contain each of the 16 * 15 pairs once; 16 successive images contain each shape once.

    Returns:
        images uint8 [N, 3, 64, 64], classes of the shapes int64 [N], classes of the textures int64 [N].

    >>> _, shape, texture = cue_conflict(240)
    >>> len(set(zip(shape.tolist(), texture.tolist()))), bool((shape == texture).any())
    (240, False)
    """
    sample = scenes("cue-conflict", which, seed)
    return sample.images, sample.shape, sample.texture


def cues(split: str, which: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return the classes of shape and texture in a split, without drawing: int64 [N] each.

    Args:
        split, seed: as in `images`.
        which: positions of the images, int64 [N].

    >>> cues("cue-conflict", torch.tensor([0, 17]))
    (tensor([0, 1]), tensor([1, 3]))
    """
    return which % 16, _texture(split, which, _factors(split, which, seed))


def scenes(
    split: str,
    which: int | Sequence[int] | Tensor,
    seed: int = 0,
    shape: Tensor | None = None,
    texture: Tensor | None = None,
) -> Scenes:
    """Return images with their ground truth.

    The same scenes can be drawn with other shapes or textures.

    Args:
        split, which, seed: as in `images`.
        shape: int64 [N], shapes that replace the split's own; the rest of the scene stays the same.
        texture: int64 [N], textures that replace the split's own.

    Raises:
        ValueError: as in `images`; or if `shape` or `texture` is not one class in 0 … 15 per image.
    """
    if split not in SPLITS:
        raise ValueError(f"expected `split` to be one of {', '.join(SPLITS)}, got {split!r}")
    check_seed(seed)
    index = torch.arange(which) if isinstance(which, int) else torch.as_tensor(which, dtype=torch.int64)
    if index.ndim != 1 or (len(index) and int(index.min()) < 0):
        raise ValueError("expected `which` to be a number of images or a list of positions, 0 or more")
    kinds = {"shape": shape, "texture": texture}
    for name, given in kinds.items():
        if given is not None and (given.shape != index.shape or not bool(((given >= 0) & (given < 16)).all())):
            raise ValueError(f"expected `{name}` to be int64 [{len(index)}] in 0 … 15, got {given}")
    out = Scenes(
        torch.empty(len(index), 3, SIZE, SIZE, dtype=torch.uint8),
        torch.empty(len(index), dtype=torch.int64),
        torch.empty(len(index), dtype=torch.int64),
        torch.empty(len(index), SIZE, SIZE, dtype=torch.uint8),
    )
    for start in range(0, len(index), CHUNK):
        part = slice(start, start + CHUNK)
        given = {name: kind if kind is None else kind[part] for name, kind in kinds.items()}
        for whole, piece in zip(out, _draw(split, index[part], seed, **given), strict=True):
            whole[part] = piece
    return out


def _draw(split: str, index: Tensor, seed: int, shape: Tensor | None, texture: Tensor | None) -> Scenes:
    look, stream = SPLITS[split], f"miniature/{split}"
    factors = _factors(split, index, seed)
    if shape is None:
        shape = index % 16
    if texture is None:
        texture = _texture(split, index, factors)
    lattices = uniform((2, _LATTICE, _LATTICE), seed, index, f"{stream}/lattice").double()
    grain = normal((SIZE, SIZE), seed, index, f"{stream}/grain").double()
    picture, mask = compose(look, factors, shape, texture, lattices, grain)
    return Scenes(_eight_bit(picture), shape, texture, _eight_bit(mask))


def _factors(split: str, index: Tensor, seed: int) -> dict[str, Tensor]:
    numbers = uniform((len(FACTORS),), seed, index, f"miniature/{split}").double()
    return {name: numbers[:, k, None, None] for k, name in enumerate(FACTORS)}


def _texture(split: str, index: Tensor, factors: dict[str, Tensor]) -> Tensor:
    if split == "cue-conflict":
        return (index + 1 + index // 16 % 15) % 16
    if split == "stylized":
        return (factors["texture"].flatten() * 16).long()
    return index % 16


def _eight_bit(values: Tensor) -> Tensor:
    return (255 * values).round().to(torch.uint8)
