"""The parameters of the notebooks: what each means and which values it accepts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bvg import study
from bvg.messages import Brief, suggest


class ParameterError(Brief, ValueError):
    """A notebook got an unknown parameter or a value that is not accepted."""


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        meaning: what it does, in one phrase; the page displays it.
        expected: the values it accepts, in words.
        accepts: whether a value is one of them.
        default: the value that None stands for, which the page displays; None if None means itself.
    """

    meaning: str
    expected: str
    accepts: Callable[[Any], bool]
    default: Any = None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and v for v in value) and len(set(value)) == len(value)


def _cutoffs(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(_number(v) and any(math.isclose(v, c) for c in study.CUTOFFS) for v in value)
        and len(set(value)) == len(value)
    )


def _setting(name: str) -> Callable[[Any], bool]:
    """Return a check of a setting of the instruments, which know the values that they accept."""

    def accepts(value: Any) -> bool:
        # Only notebooks that measure have such a parameter. An import statement would make every notebook depend on the
        # instruments (see builder.inputs), and on torch.
        instruments = import_module("bvg.instruments")
        try:
            instruments.choose("all", {name: value})
        except ValueError:
            return False
        return True

    return accepts


def _categories(value: Any) -> bool:
    ids = {b.id for b in study.BENCHMARKS}
    return value is None or (
        isinstance(value, dict)
        and set(value) == set(study.CATEGORIES)
        and all(_strings(members) and members and ids.issuperset(members) for members in value.values())
    )


_CUTOFFS_TEXT = f"a list of cut-offs among {', '.join(map(str, study.CUTOFFS))}, each once"

PARAMETERS: dict[str, Parameter] = {
    "results": Parameter(
        "results tables to read",
        '"published", the path of a results table, of a run folder or of a folder of run folders, or a list of these',
        lambda v: (isinstance(v, str) and v != "") or (_strings(v) and len(v) > 0),
    ),
    "highlight": Parameter(
        "models to name in the figures; they do not enter the correlations",
        "a list of model ids, each once",
        _strings,
    ),
    "allow_missing": Parameter(
        "draw each panel with the models that have its numbers, instead of rejecting the table",
        "true or false",
        lambda v: isinstance(v, bool),
    ),
    "alpha": Parameter(
        "significance level: a correlation with p at or above it is printed as 0",
        "a number in (0, 1)",
        lambda v: _number(v) and 0 < v < 1,
    ),
    "low_cutoffs": Parameter("cut-offs that the low-frequency bias averages over", _CUTOFFS_TEXT, _cutoffs),
    "high_cutoffs": Parameter("cut-offs that the high-frequency bias averages over", _CUTOFFS_TEXT, _cutoffs),
    "categories": Parameter(
        "benchmarks behind each category of generalization",
        f"None for the paper's, or a mapping from each of {', '.join(study.CATEGORIES)} to a list of benchmark ids "
        f"among {', '.join(b.id for b in study.BENCHMARKS)}",
        _categories,
        {name: list(members) for name, members in study.CATEGORIES.items()},
    ),
    "correction": Parameter(
        "correction of p-values for multiple tests, over all correlations of a table",
        'one of "none", "holm", "fdr_bh" (Benjamini and Hochberg)',
        lambda v: v in ("none", "holm", "fdr_bh"),
    ),
    "control": Parameter(
        "whether ImageNet top-1 is held fixed: by partial correlation of ranks, of accuracies (raw), of their probits or logits",
        'one of "none", "rank", "raw", "probit", "logit"',
        lambda v: v in ("none", "rank", "raw", "probit", "logit"),
    ),
    "replicates": Parameter(
        "number of bootstrap replicates, and of permutations for p values and for the null distribution of the linear models",
        "a whole number, 100 or more",
        lambda v: type(v) is int and v >= 100,
    ),
    "permutations": Parameter(
        "number of permutations for the null distribution of the forests; the smallest possible p is 1/(permutations + 1)",
        "a whole number, 19 or more",
        lambda v: type(v) is int and v >= 19,
    ),
    "families": Parameter(
        "which models are resampled together: those of one publication, one adversarial recipe or one group",
        'one of "recipe", "source", "group"',
        lambda v: v in ("recipe", "source", "group"),
    ),
    "set_apart": Parameter(
        "groups of models that form the second set of Figure 2 (AT); the rest form the third",
        f"a list of at least one group among {', '.join(study.GROUPS)}, each once",
        lambda v: _strings(v) and len(v) > 0 and set(study.GROUPS).issuperset(v),
    ),
    "report_on": Parameter(
        "models to report on",
        "a list of at least one id of a model in the results, each once",
        lambda v: _strings(v) and len(v) > 0,
    ),
    "standard": Parameter(
        "groups of models that the line of accuracy against ImageNet top-1 is fitted to",
        f"a list of at least one group among {', '.join(study.GROUPS)}, each once",
        lambda v: _strings(v) and len(v) > 0 and set(study.GROUPS).issuperset(v),
    ),
    "leave_out": Parameter(
        "models or groups of models to leave out",
        "a list of model ids and groups, each once",
        _strings,
    ),
    "seed": Parameter(
        "seed of everything random: noise, start of the attack, resamples, permutations",
        "a whole number, 0 or more",
        lambda v: type(v) is int and v >= 0,
    ),
    "cutoff": Parameter(
        "cut-off of the filtered example images, as a fraction of the Nyquist frequency",
        "a number in [0, 1]",
        lambda v: _number(v) and 0 <= v <= 1,
    ),
    "noise_sd": Parameter(
        "standard deviation of the example noise, as a fraction of the pixel range",
        "a number in [0, 1]",
        lambda v: _number(v) and 0 <= v <= 1,
    ),
    "models": Parameter(
        "models to measure: zoo ids, checkpoint files, timm:NAME, torchvision:NAME or package.module:function, optionally as ID=MODEL; miniature is the miniature's whole zoo",
        "a list of at least one model name, each once",
        lambda v: _strings(v) and len(v) > 0,
    ),
    "data": Parameter(
        "folder of the data sets; miniature for the synthetic images; simulated, where the page says so, for draws around published numbers",
        "a path",
        lambda v: isinstance(v, str) and v != "",
    ),
    "cutoffs": Parameter(
        "cut-offs of the low- and high-pass filters, as fractions of the Nyquist frequency",
        "None for the study's, or a list of at least one number in [0, 1], each once",
        _setting("cutoffs"),
    ),
    "noise_sds": Parameter(
        "standard deviations of the narrow-band noise, as fractions of the grey range",
        "None for the study's, or a list of five numbers in [0, 1]: 0, then four of which each is twice the one before",
        _setting("noise_sds"),
    ),
    "device": Parameter(
        "device to compute on, such as cuda or cpu; None is CUDA if available",
        "None or the name of a torch device",
        lambda v: v is None or (isinstance(v, str) and v != ""),
    ),
    "limit": Parameter(
        "images per condition, spread evenly over the classes; None is all",
        "None or a whole number, 1 or more",
        lambda v: v is None or (type(v) is int and v >= 1),
    ),
    "precision": Parameter(
        "numerical precision of the models",
        "one of fp32, tf32, fp16, bf16",
        lambda v: v in ("fp32", "tf32", "fp16", "bf16"),
    ),
    "eps": Parameter(
        "largest change of a pixel value by the attack, as a fraction of the pixel range",
        "a number in (0, 1) (0.5/255 is about 0.00196)",
        lambda v: _number(v) and 0 < v < 1,
    ),
    "benchmarks": Parameter(
        "folder of the results of `make bench`; None is the book's",
        "None or the path of a folder",
        lambda v: v is None or (isinstance(v, str) and v != ""),
    ),
    "study_models": Parameter(
        "number of models for which the time of the full study is projected",
        "a whole number, 1 or more",
        lambda v: type(v) is int and v >= 1,
    ),
    "controls": Parameter(
        "controls to drag in JupyterLab, made of widgets",
        "true or false",
        lambda v: isinstance(v, bool),
    ),
    "out": Parameter(
        "output folder, relative to the working directory",
        "a path",
        lambda v: isinstance(v, str) and v != "",
    ),
}


def option(name: str, value: Any) -> list[str]:
    """Return papermill's option for a parameter.

    Example:
        >>> option("alpha", 0.01), option("leave_out", ["contrastive"])
        (['-p', 'alpha', '0.01'], ['-y', '{"leave_out": ["contrastive"]}'])
    """
    if isinstance(value, str | bool | int | float):
        return ["-p", name, str(value)]
    return ["-y", json.dumps({name: value}, ensure_ascii=False)]


def check(given: dict[str, Any], declared: Sequence[str]) -> None:
    """Reject unknown parameters and values that a parameter does not accept.

    Args:
        given: name -> value, from the notebook's parameters cell and from papermill.
        declared: names of the notebook's parameters.

    Raises:
        ParameterError: it names the parameter, what was expected and what was given.

    Example:
        >>> check({"alpha": 0.01, "out": "output"}, ["alpha", "out"])
        >>> check({"alpha": 5, "out": "output"}, ["alpha", "out"])
        Traceback (most recent call last):
        ...
        companion.parameters.ParameterError: expected `alpha` to be a number in (0, 1), got 5
    """
    for name in given:
        if name not in declared:
            raise ParameterError(
                f"expected parameters among {', '.join(declared)}, got `{name}`{suggest(name, declared)}"
            )
    for name in declared:
        if name not in given:
            raise ParameterError(f"expected a value of `{name}`, got none: run the parameters cell first")
        if not PARAMETERS[name].accepts(given[name]):
            raise ParameterError(f"expected `{name}` to be {PARAMETERS[name].expected}, got {given[name]!r}")
