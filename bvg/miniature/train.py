"""Train the miniature's networks: `python -m bvg.miniature.train [NAME ...]`, by default all that are not trained yet.

Training is reproducible on one kind of processor: it uses one thread, deterministic algorithms and one random generator. On
another processor, rounding may differ, and the differences grow during training. Two networks train at a time.
"""

import argparse
import copy
import csv
import hashlib
import io
import math
import multiprocessing
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import safetensors.torch
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from bvg.files import atomic
from bvg.miniature import augment, synthetic, zoo
from bvg.miniature.network import FEATURES, Network

IMAGES = 16384  # training images
BATCH = 128
RATE, DECAY = 0.004, 0.05  # of AdamW; the rate rises for a fifth of the steps, then falls as a cosine
TESTED = 1920  # validation images behind the logged accuracy
QUIET, GROWING = 0.35, 0.25  # shares of adversarial training without the attack, and with a growing one
TEMPERATURE = 0.2  # of the contrastive loss
COLUMNS = (
    *("name", "recipe", "seed", "epochs", "images_seen", "cpu_seconds", "val_accuracy", "val_images", "sha256"),
    *("python", "torch", "instructions"),
)


def train(entry: zoo.Entry, images: int = IMAGES) -> Network:
    """Train a network by its recipe and return it in evaluation mode.

    Args:
        entry: the network's entry in the zoo.
        images: number of training images; the recipes are tuned for the default.
    """
    recipe = entry.recipe
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    network, generator = Network(), Generator().manual_seed(recipe.seed)
    if recipe.frozen:
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1):
                module.weight.requires_grad_(False)
    data, targets = training_data(recipe.data, recipe.label, images)
    if recipe.contrastive:
        _train_contrastive(network, data, recipe, generator)
        _train_classifier(network, data, targets, generator)
        return network.eval()
    average = copy.deepcopy(network)
    for x, wanted, step, done in _steps(network, data, targets, recipe.epochs, BATCH, generator):
        x = getattr(augment, recipe.augmentation)(x, generator) if recipe.augmentation != "mixup_cutmix" else x
        wanted = wanted * (1 - recipe.smoothing) + recipe.smoothing / wanted.shape[1]
        if recipe.augmentation == "mixup_cutmix":
            x, wanted = augment.mixup_cutmix(x, wanted, generator)
        # Starting with the full attack prevents learning: train without it first, then let it grow.
        if entry.epsilon and done > QUIET:
            eps = min(1, (done - QUIET) / GROWING) * entry.epsilon / 255
            x = attack(network, x, wanted, eps, recipe.steps, generator)
        step(cross_entropy(network(x), wanted))
        if recipe.average:
            _update_average(average, network, recipe.average)
    return (average if recipe.average else network).eval()


@cache
def training_data(kind: str, label: str, images: int) -> tuple[Tensor, Tensor]:
    """Return training images uint8 [N, 3, 64, 64] and targets float [N, 16]."""
    if kind == "both":
        parts = [training_data(part, label, images) for part in ("ordinary", "stylized")]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    scenes = _scenes(kind, images)
    shape, texture = (one_hot(classes, 16).float() for classes in (scenes.shape, scenes.texture))
    return scenes.images, {"shape": shape, "texture": texture, "either": (shape + texture) / 2}[label]


@cache
def _scenes(kind: str, images: int) -> synthetic.Scenes:
    if kind == "ordinary":
        return synthetic.scenes("train", images)
    textures = torch.randint(0, 16, (images,), generator=Generator().manual_seed(0))
    return synthetic.scenes("train", images, texture=textures)


def _steps(
    network: nn.Module, data: Tensor, targets: Tensor, epochs: int, batch: int, generator: Generator
) -> Iterator:
    """Yield images in [0, 1], targets, a step function and the progress.

    The function takes the loss; the progress is the share of training done.
    """
    total = epochs * (len(data) // batch)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total, pct_start=0.2)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    network.train()
    for number in range(total):
        place = number % (len(data) // batch)
        if place == 0:
            order = torch.randperm(len(data), generator=generator)
        chosen = order[place * batch : (place + 1) * batch]
        yield data[chosen].float() / 255, targets[chosen], step, number / total


def attack(network: nn.Module, x: Tensor, targets: Tensor, eps: float, steps: int, generator: Generator) -> Tensor:
    """Attack by projected gradient descent in the Linf norm (Madry et al. 2018).

    It starts at random and leaves the network in training mode.
    """
    change = eps * (2 * torch.rand(x.shape, generator=generator) - 1)
    for _ in range(steps):
        attacked = (x + change).clamp_(0, 1).requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(network(attacked), targets), attacked)
        change = (change + 1.5 * eps / steps * slope.sign()).clamp_(-eps, eps)
    return (x + change).clamp_(0, 1)


def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            kept.lerp_(now, 1 - decay) if kept.is_floating_point() else kept.copy_(now)


def _train_contrastive(network: Network, data: Tensor, recipe: zoo.Recipe, generator: Generator) -> None:
    """Train by SimCLR (Chen et al. 2020).

    The loss pulls two views of an image together and pushes other images apart.
    """
    head = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(), nn.Linear(FEATURES, 64))
    both = nn.ModuleDict({"network": network, "head": head})
    for x, _, step, _ in _steps(both, data, data, recipe.epochs, 2 * BATCH, generator):
        pair = torch.cat([augment.views(x, generator), augment.views(x, generator)])
        code = normalize(head(network.features(pair)))
        likeness = (code @ code.T / TEMPERATURE).fill_diagonal_(-math.inf)
        step(cross_entropy(likeness, torch.arange(len(pair)).roll(len(x))))


def _train_classifier(network: Network, data: Tensor, targets: Tensor, generator: Generator) -> None:
    """Train only the classifier, on the features of unaugmented images."""
    network.eval()
    with torch.no_grad():
        features = torch.cat([network.features(x.float() / 255) for x in data.split(256)])
    spread = features.std(0).clamp_min(1e-3)
    for x, wanted, step, _ in _steps(network.classifier, 255 * features / spread, targets, 40, BATCH, generator):
        step(cross_entropy(network.classifier(x), wanted))
    with torch.no_grad():
        network.classifier.weight.div_(spread)


def accuracy(network: nn.Module, count: int = TESTED) -> float:
    """Return the accuracy of a network on the first `count` validation images, in percent."""
    images, labels = synthetic.images("val", count)
    with torch.inference_mode():
        answers = torch.cat([network(x.float() / 255).argmax(1) for x in images.split(256)])
    return 100 * (answers == labels).double().mean().item()


def encode(network: nn.Module) -> bytes:
    """Return the weights as the content of a safetensors file, in half precision."""
    state = {k: v.half().contiguous() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    return safetensors.torch.save(state)


def fingerprint(entry: zoo.Entry) -> str:
    """Return a digest of all fields of an entry that affect a network's training."""
    return hashlib.blake2b(f"{entry.recipe}{entry.norm}{entry.epsilon}".encode(), digest_size=6).hexdigest()


def _train_and_save(name: str, weights: Path) -> dict:
    """Train a network, write its weights, and return its row of the log."""
    entry = zoo.entry(name)
    training_data(entry.recipe.data, entry.recipe.label, IMAGES)  # before the timing, because networks share the data
    started = time.process_time()
    content = encode(train(entry))
    seconds = time.process_time() - started
    with atomic(weights / f"{name}.safetensors") as path:
        path.write_bytes(content)
    seen = entry.recipe.epochs * len(training_data(entry.recipe.data, entry.recipe.label, IMAGES)[0])
    return {
        "name": name,
        "recipe": fingerprint(entry),
        "seed": entry.recipe.seed,
        "epochs": entry.recipe.epochs,
        "images_seen": seen * (2 if entry.recipe.contrastive else 1),
        "cpu_seconds": round(seconds),
        "val_accuracy": f"{accuracy(zoo.load(name, weights)):.3f}",
        "val_images": TESTED,
        "sha256": hashlib.sha256(content).hexdigest(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def read_log(path: Path = zoo.LOG) -> dict[str, dict[str, str]]:
    """Return the training log: name -> row of text."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def _write_log(rows: dict[str, dict], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[name] for name in zoo.trained() if name in rows)
    with atomic(path) as temporary:
        temporary.write_bytes(text.getvalue().encode())


def main(arguments: list[str] | None = None) -> None:
    """Train the given networks, or all; skip those that are up to date.

    These have weights and a log row that match the recipe.
    """
    parser = argparse.ArgumentParser(prog="python -m bvg.miniature.train", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(zoo.trained())}")
    parser.add_argument("--force", action="store_true", help="retrain existing networks")
    parser.add_argument("--out", type=Path, default=zoo.WEIGHTS, help="folder for weights and log")
    parser.add_argument("--jobs", type=int, default=2, help="networks trained at a time, on one processor core each")
    options = parser.parse_args(arguments)
    wanted = [zoo.entry(name).name for name in options.names or zoo.trained()]
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / zoo.LOG.name
    rows = read_log(log)
    if not options.force:
        wanted = [
            name
            for name in wanted
            if rows.get(name, {}).get("recipe") != fingerprint(zoo.entry(name))
            or not (options.out / f"{name}.safetensors").is_file()
        ]
    # Start with the longest, so that no core is idle at the end.
    wanted.sort(key=lambda name: -_cost(zoo.entry(name)))
    print(f"training {len(wanted)} networks", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        for future in as_completed([pool.submit(_train_and_save, name, options.out) for name in wanted]):
            row = future.result()
            _write_log(read_log(log) | {row["name"]: row}, log)
            print(f"{row['name']:24} {row['val_accuracy']} %  {row['cpu_seconds']} s", flush=True)


def _cost(entry: zoo.Entry) -> float:
    recipe = entry.recipe
    passes = 1 + recipe.steps if entry.epsilon else 2 if recipe.contrastive else 1
    return recipe.epochs * passes * (2 if recipe.data == "both" else 1)


if __name__ == "__main__":
    main()
