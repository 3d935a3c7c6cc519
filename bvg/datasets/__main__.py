"""List, fetch and check the data sets.

python -m bvg.datasets list --data /data
python -m bvg.datasets fetch imagenet-v2 cue-conflict --data /data
python -m bvg.datasets fetch imagenet-c --as-tar --data /data   # five files instead of 4.75 million
python -m bvg.datasets check --data /data
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bvg.datasets import fetch, index, layouts, sample, upstream
from bvg.datasets.layouts import DataError
from bvg.datasets.unpack import gigabytes
from bvg.downloads import DownloadError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bvg.datasets", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["list", "fetch", "check"])
    parser.add_argument(
        "names", nargs="*", metavar="SET", help=f"among {', '.join(upstream.names())}; default: all of them"
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder of the data sets; default: data")
    parser.add_argument("--keep-archives", action="store_true", help="keep downloaded archives in DATA/archives")
    parser.add_argument("--as-tar", action="store_true", help="leave .tar files as they are: they are read in place")
    args = parser.parse_args(argv)
    try:
        names = [upstream.upstream(name).name for name in args.names or upstream.names()]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if args.action == "list":
        print("\n".join(listing(names, args.data)))
        return 0
    failed = 0
    for name in names:
        try:
            if args.action == "fetch":
                counts = fetch.prepare(name, args.data, args.keep_archives, as_tar=args.as_tar)
            else:
                counts = index.check(args.data, [name])
            compared = sample.compare(name, args.data)
            kept = (
                f"{compared} sampled images as fetched"
                if compared
                else "no digests recorded, since it was not fetched by this command"
            )
            print(f"{name}: {described(name, counts)}; {kept}", flush=True)
        except (DataError, DownloadError) as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


def listing(names: list[str], root: Path) -> list[str]:
    """Describe each data set in one paragraph: what it is, how large, its licence, what uses it, and whether it is there."""
    lines = []
    for name in names:
        source = upstream.upstream(name)
        there = "there" if fetch.in_place(source, root) else "by hand" if not source.files else "not fetched"
        if any(place and place.is_file() for place in fetch.locations(source, root)):
            there = there.replace("there", "there as tar")
        size = gigabytes(source.size) if source.size else "size not stated"
        lines.append(f"{name:16} {there:12} {size:>16}  {source.about}")
        lines.append(f"{'':16} {source.page}; licence: {source.licence}; used by: {', '.join(source.used_by)}")
    return lines


def described(name: str, counts: dict[layouts.Condition, int]) -> str:
    """State the images of a set, and over which classes it is scored."""
    each, n = sorted(set(counts.values())), len(counts)
    images = f"{each[0]:,} images" + (f" in each of {n} conditions" if n > 1 else "")
    classes = {
        "imagenet-a": 200,
        "imagenet-r": 200,
        "stylized": 16,
        "cue-conflict": 16,
        "gray-16class": 16,
        "imagenet-16class": 16,
    }
    return f"complete, {images}, scored over {classes.get(name, 1000):,} classes"


if __name__ == "__main__":
    sys.exit(main())
