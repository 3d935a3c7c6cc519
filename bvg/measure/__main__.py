"""The command line: `python -m bvg.measure --help`."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from bvg import results
from bvg.datasets.layouts import DataError
from bvg.instruments import INSTRUMENTS
from bvg.instruments import settings as settings_of_instruments
from bvg.measure.accumulator import MeasureError
from bvg.measure.forecast import forecast
from bvg.measure.like import YAML, words
from bvg.measure.like import options as options_of_run
from bvg.measure.plan import planned
from bvg.measure.runner import run
from bvg.measure.settings import Settings
from bvg.measure.unit_store import RunError
from bvg.results import sampling_error


def parser(given: Mapping[str, Any] | None = None) -> argparse.ArgumentParser:
    """Build the parser from the settings of a run and of the instruments.

    Args:
        given: values that replace the defaults of options (`--like`).
    """
    made = argparse.ArgumentParser(
        prog="python -m bvg.measure",
        description="Measure ImageNet models on the study's instruments. Run the same command again to resume.",
        epilog=f"instruments: {', '.join(INSTRUMENTS)}. `python -m bvg.measure verify` with the same options compares models of the "
        "study with their published numbers; without options, it repeats stimuli and numbers that need no data.",
    )
    add = made.add_argument
    add("--models", nargs="+", required="models" not in (given or {}), metavar="MODEL", help="zoo id, checkpoint path, timm:NAME, torchvision:NAME "
        "or package.module:function; each also as ID=MODEL")  # fmt: skip
    add("--data", required=True, metavar="ROOT", help="folder of the data sets")
    add("--out", required=True, metavar="RUN", help="run folder; its name is the run's id")
    add("--instruments", nargs="+", default=["all"], metavar="NAME", help="default: all those of the study")
    for name, about in Settings.describe().items():
        option = name.replace("_", "-")
        if about["type"] is not None:
            add(f"--{option}", type=about["type"], default=about["default"], help=about["help"])
        elif about["default"]:
            add(f"--no-{option}", dest=name, action="store_false", help=f"do not {about['help']}")
        else:
            add(f"--{option}", action="store_true", help=about["help"])
    for setting in settings_of_instruments().values():
        default = setting.default if setting.several else [setting.default]
        add(f"--{setting.name.replace('_', '-')}", type=setting.type, nargs="+" if setting.several else None,
            help=f"{setting.help}; default: {' '.join(f'{value:.4g}' for value in default)}")  # fmt: skip
    add("--like", metavar="RUN", help="take models, instruments and settings from an earlier run (its folder or manifest.json) or a YAML file of options; other options "
        "change them")  # fmt: skip
    add(
        "--plan",
        action="store_true",
        help="print what would be measured, how long it takes and how exact it is, and stop",
    )
    add("--engine", choices=["local", "slurm"], help="several workers, on this machine or as jobs of Slurm (its "
        "SBATCH_... variables apply, such as SBATCH_PARTITION); default: this process")  # fmt: skip
    add("--jobs", type=int, help="number of workers; default: one per GPU")
    made.set_defaults(**(given or {}))
    return made


def parsed(argv: list[str]) -> dict[str, Any]:
    """Return the options of a command, with those of an earlier run or a YAML file where `--like` names one."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--like")
    like = first.parse_known_args(argv)[0].like
    if like and like.endswith(YAML):
        known = {option.removeprefix("--") for action in parser()._actions for option in action.option_strings}
        found = vars(parser().parse_args([*words(like, known - {"help", "h", "-h", "like"}), *argv]))
    else:
        found = vars(parser(options_of_run(like) if like else None).parse_args(argv))
    del found["like"]
    return found


def verified(argv: list[str]) -> int:
    """Run `verify`: measure models of the study and compare every number with the published one.

    Without arguments, repeat what needs no data: every stimulus of a photograph, and stored numbers of the miniature. Returns the exit status: 0, 1 if a number
    lies outside its tolerance without a known cause, or as `main`.
    """
    from bvg.measure import self_check, verify

    if not argv:
        good, text = self_check.report(self_check.compare_stimuli(), self_check.compare_numbers())
        print(f"{text}\nNext, with data: python -m bvg.measure verify --models tv_resnet50 --data ROOT --out RUN")
        return 0 if good else 1
    if status := main(argv):
        return status
    compared = verify.compare(results.load(parsed(argv)["out"]))
    print(verify.report(compared))
    if absent := verify.missing(compared):
        print(f"not compared: {', '.join(absent)}")
    return 0 if verify.passed(compared) else 1


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit status: 0, or 2 after one sentence about what is wrong."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["verify"]:
        return verified(argv[1:])
    try:
        options = parsed(argv)
        what = [options.pop(name) for name in ("models", "instruments", "data")]
        out, plan, engine, jobs = (options.pop(name) for name in ("out", "plan", "engine", "jobs"))
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *rest, **more: print(f"warning: {message}", file=sys.stderr)
            if plan:
                work = planned(*what, **options)
                print(forecast(work, out))
                if work.source.world == "study":
                    print(sampling_error.text(work.settings.limit))
                return 0
            table = run(*what, out, engine=engine, jobs=jobs, **options)
    except (ValueError, OSError, DataError, RunError, MeasureError) as error:
        print(f"bvg.measure: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bvg.measure: stopped; run the same command to resume", file=sys.stderr)
        return 130
    print(f"{len(table)} numbers of {table['model'].nunique()} model(s) in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
