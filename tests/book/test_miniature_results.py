"""Reading the miniature's results: who is known, who counts, which names are printed, scores, folders of runs, tables."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import matplotlib
import numpy as np
import pandas as pd
import pytest
from companion import figures
from companion.figures import marks
from companion.tables import study as tables
from pandas.testing import assert_frame_equal

from bvg import results, study
from bvg.results import ResultsError, correlation, scores

NETWORKS = list(study.miniature().index)
KINDS = {
    "imagenet-c": (
        *("gaussian_noise", "gaussian_blur", "pixelate", "jpeg_compression", "contrast", "brightness", "fog"),
    ),
    "imagenet-cbar": ("plasma_noise", "cocentric_sine_waves", "checkerboard_cutout"),
}
EPSILONS = (0.5 / 255, 1 / 255, 2 / 255)


def measured(*models: str, seed: int = 0) -> pd.DataFrame:
    """What a measurement in the miniature gives, with made-up values: better models are better at nearly everything."""
    rng = np.random.default_rng(seed)
    rows = []
    for model in models or NETWORKS:
        clean = rng.uniform(50, 97)

        def add(benchmark, value, metric="top1", variant="", level=np.nan, n=480, model=model):
            rows.append((model, benchmark, variant, level, metric, float(value), n, "made-up"))

        add("imagenet", clean)
        add("imagenet-a", rng.uniform(0, 50), n=240)
        for benchmark in ("imagenet-v2", "imagenet-r", "imagenet-sketch", "stylized"):
            add(benchmark, clean * rng.uniform(0.4, 0.9))
        for benchmark, kinds in KINDS.items():
            values = {(kind, s): clean * rng.uniform(0.9, 1) * (1 - s / 8) for kind in kinds for s in study.SEVERITIES}
            for (kind, severity), value in values.items():
                add(benchmark, value, variant=kind, level=severity, n=160)
            add(benchmark, np.mean(list(values.values())), n=160 * len(values))
        for epsilon in EPSILONS:
            add("pgd", clean * rng.uniform(0.3, 0.9) / (1 + 255 * epsilon), variant="linf", level=epsilon)
        for kind, exponent in {"low-pass": rng.uniform(0.2, 1), "high-pass": rng.uniform(1, 4)}.items():
            for cutoff in study.CUTOFFS:
                share = cutoff if kind == "low-pass" else 1 - cutoff
                add(kind, clean * share**exponent, level=cutoff)
        add("cue-conflict", rng.uniform(0, 1), "shape_bias", n=432)
        add("cue-conflict", rng.uniform(20, 90))
        for variant in ("relative", "raw"):
            add("critical-band", rng.uniform(1, 4), "bandwidth", variant)
            add("critical-band", rng.uniform(4, 16), "center_frequency", variant)
            add("critical-band", rng.uniform(0.1, 1), "peak_noise_sensitivity", variant)
    return results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return measured()


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return results.load("published")


def texts(figure) -> set[str]:
    return {t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()}


def beyond(figure) -> float:
    """How far the drawing reaches beyond its page, in inches."""
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return -min(box.x0, box.y0, width - box.x1, height - box.y1)


# Who is known and who counts -----------------------------------------------------------------------------------------


def test_the_networks_are_those_of_the_zoo_file(root):
    file = tomllib.loads((root / "bvg/miniature/zoo.toml").read_text(encoding="utf-8"))
    about = study.describe([*file, "tv_resnet50", "mine"])
    for name, fields in file.items():
        row = about.loc[name]
        assert (row["name"], row["group"], row["method"]) == (fields["display"], fields["group"], fields["method"])
        assert (row["citation"], row["norm"], row["in_study"]) == ("", fields.get("norm", ""), False)
        assert row["epsilon"] == fields["epsilon"] if "epsilon" in fields else np.isnan(row["epsilon"])
    assert about["group"].tolist()[-2:] == ["baseline", "new"]
    assert set(about["group"]) - {"new"} == set(study.GROUPS)
    assert study.miniature()["name"].is_unique
    assert not study.models().index.intersection(file).size
    masks = study.figure2_groups(about["group"])
    assert about.index[masks["at"]].tolist() == [name for name in file if name.startswith("mini_linf")]


def test_knowing_the_networks_takes_no_torch():
    code = "from bvg import study, figures, scores; study.describe(['mini_blur']); import sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


def test_a_network_measured_again_is_that_network_and_stands_apart():
    row = study.describe(["mini_linf_eps0.5@mine"]).iloc[0]
    assert (row["name"], row["group"], row["epsilon"]) == ("AT L∞ ε=0.5/255 @ mine", "new", 0.5)


@pytest.mark.parametrize(
    ("models", "counted"),
    [
        (["tv_resnet50", "mini_standard", "mine"], ["tv_resnet50"]),
        (["resnet18", "mini_standard"], ["resnet18"]),  # outside the study, but of its world
        (["mini_standard", "mini_blur", "mine", "mini_blur@run"], ["mini_standard", "mini_blur"]),
        (["mine", "mini_blur@run"], ["mine", "mini_blur@run"]),
    ],
)
def test_the_studys_models_the_miniatures_and_new_ones_are_never_pooled(models, counted):
    table = pd.DataFrame({"model": models, "group": study.describe(models)["group"].to_numpy()})
    assert table["model"][study.counted(table)].tolist() == counted
    assert table["model"][study.counted(table, counted[:1])].tolist() == counted[1:]


@pytest.mark.parametrize(
    ("models", "world"),
    [
        (["mini_standard", "mine"], study.MINIATURE),
        (["mini_standard@run"], study.MINIATURE),
        (["mini_standard", "tv_resnet50"], study.STUDY),
        (["mini_standard", "tv_resnet50@run"], study.STUDY),
        (["mine"], study.STUDY),
        ([], study.STUDY),
    ],
)
def test_the_names_are_the_miniatures_where_its_networks_are_and_none_of_the_studys(models, world):
    assert study.world(models) is world


def test_the_miniatures_benchmarks_are_what_it_has_under_the_studys_ids():
    from bvg.miniature import CORRUPTIONS

    small = {b.id: b for b in study.MINIATURE.benchmarks}
    assert list(small) == [b.id for b in study.BENCHMARKS if b.id != "imagenet-real"]
    assert all(study.benchmark(id).category == b.category for id, b in small.items())
    assert len({b.name for b in small.values()}) == len({b.short for b in small.values()}) == len(small)
    assert study.STUDY.categories == study.CATEGORIES
    assert study.MINIATURE.categories == study.CATEGORIES | {"ID": ("imagenet", "imagenet-v2")}
    for id in study.CORRUPTIONS:
        kinds = [kind for kind, shift in CORRUPTIONS.items() if shift.benchmark == id]
        assert sorted(kinds) == sorted(KINDS[id])
        assert f" {len(kinds)} " in small[id].measured


# Scores --------------------------------------------------------------------------------------------------------------


def test_the_scores_of_the_miniature_take_what_it_has(zoo):
    table = scores.per_model(zoo).set_index("model")
    accuracy = scores.benchmarks(zoo).set_index("model")
    assert len(table) == 21
    assert not table.isna().any(axis=None)
    assert list(accuracy) == ["group", *(b.id for b in study.MINIATURE.benchmarks)]
    assert table["ID"].to_numpy() == pytest.approx((accuracy["imagenet"] + accuracy["imagenet-v2"]).to_numpy() / 2)
    assert table["Adversarial"].tolist() == accuracy["pgd"].tolist()
    assert_frame_equal(scores.per_model(zoo, study.MINIATURE.categories).set_index("model"), table)


def test_the_given_mean_over_corruptions_is_taken(zoo):
    changed = zoo.copy()
    mean = (changed["benchmark"] == "imagenet-c") & (changed["variant"] == "")
    changed.loc[mean, "value"] = 12.5
    assert set(scores.benchmarks(changed)["imagenet-c"]) == {12.5}
    with pytest.raises(ResultsError, match="lacks top-1 on imagenet-c "):
        scores.benchmarks(changed[~mean])  # seven of the study's nineteen make no mean


def test_epsilon_says_which_attack_is_the_score(zoo):
    for epsilon in (*EPSILONS, 0.003922):  # the last is 1/255 as one may write it
        rows = zoo[(zoo["benchmark"] == "pgd") & (abs(zoo["level"] - epsilon) < 1e-5)]
        assert scores.per_model(zoo, epsilon=epsilon)["Adversarial"].tolist() == rows["value"].tolist()
        assert scores.benchmarks(zoo, epsilon=epsilon)["pgd"].tolist() == rows["value"].tolist()
    default = zoo[(zoo["benchmark"] == "pgd") & (zoo["level"] == study.PGD_EPSILON)]
    assert scores.per_model(zoo)["Adversarial"].tolist() == default["value"].tolist()


@pytest.mark.parametrize("scored", [scores.per_model, scores.benchmarks])
def test_an_epsilon_that_was_not_measured_is_refused_with_those_that_were(zoo, scored):
    with pytest.raises(ResultsError, match=r"`epsilon`.*\(0\.5/255, 1/255, 2/255\), got 3/255"):
        scored(zoo, epsilon=3 / 255, allow_missing=True)
    with pytest.raises(ValueError, match=r"`epsilon` in \(0, 1\), got 4"):
        scored(zoo, epsilon=4)
    others = zoo[~((zoo["benchmark"] == "pgd") & (zoo["level"] == EPSILONS[0]))]
    with pytest.raises(ResultsError, match=r"'mini_standard' lacks top-1 on pgd at epsilon 0\.5/255 .*1/255, 2/255\)"):
        scored(others)
    assert scored(others, allow_missing=True).iloc[:, 2:].isna().any(axis=None)


def test_a_category_with_a_benchmark_that_the_miniature_lacks_says_so(zoo):
    with pytest.raises(ResultsError, match=r"imagenet-real \(the miniature has none: leave it out of `categories`\)"):
        scores.per_model(zoo, study.CATEGORIES)


# Folders of runs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(zoo, tmp_path):
    """One run folder per notebook; that of the spectral biases measures clean accuracy again."""
    for name, ids in {
        "benchmarks": [b.id for b in study.BENCHMARKS if b.id != "pgd"],
        "pgd": ["pgd"],
        "spectral-bias": ["imagenet", "low-pass", "high-pass"],
        "rest": ["cue-conflict", "critical-band"],
    }.items():
        results.write(zoo[zoo["benchmark"].isin(ids)], tmp_path / "measure" / name / "results.parquet")
    (tmp_path / "measure" / "notes").mkdir()
    return tmp_path / "measure"


def test_a_folder_of_run_folders_is_read_as_one_table_and_a_repeated_number_once(runs, zoo):
    merged = results.load(runs)
    assert_frame_equal(
        merged.sort_values(results.KEY, ignore_index=True), zoo.sort_values(results.KEY, ignore_index=True)
    )
    assert_frame_equal(merged, results.load(str(runs)))
    assert_frame_equal(merged, results.load([runs / n for n in ("benchmarks", "pgd", "rest", "spectral-bias")]))
    both = results.load(["published", runs])
    assert set(both.loc[both["source"] == "made-up", "model"]) == set(NETWORKS)


def test_a_folder_with_a_table_of_its_own_is_that_run(runs, zoo):
    results.write(zoo.head(3), runs / "results.csv")
    assert len(results.load(runs)) == 3


@pytest.mark.parametrize("change", [{"value": 1.25}, {"n": 479}])
def test_another_value_or_n_of_one_number_is_another_measurement(runs, zoo, change):
    again = zoo[(zoo["model"] == "mini_blur") & zoo["benchmark"].isin(["imagenet", "imagenet-r"])].copy()
    again.loc[again["benchmark"] == "imagenet-r", list(change)] = list(change.values())
    results.write(again, runs / "third" / "results.csv")
    merged = results.load(runs)
    renamed = merged[merged["model"] == "mini_blur@third"]
    assert renamed["benchmark"].tolist() == again["benchmark"].tolist()
    assert renamed["value"].tolist() == again["value"].tolist()
    assert len(merged) == len(zoo) + 2


def test_a_folder_without_runs_is_refused(runs):
    with pytest.raises(FileNotFoundError, match=r"run folder .*notes, or in folders in it, found neither"):
        results.load(runs / "notes")


# Figures -------------------------------------------------------------------------------------------------------------


def test_the_21_marks_differ_pairwise_without_colour_and_have_their_groups_looks():
    about = study.miniature()
    looks = {m: figures.mark(m) for m in NETWORKS}
    assert len({(str(k.marker), k.fillstyle, k.size) for k in looks.values()}) == 21
    example = study.models().reset_index().groupby("group")["model"].first()
    for network, group in about["group"].items():
        theirs = figures.mark(example[group])
        assert (looks[network].color, looks[network].fillstyle) == (theirs.color, theirs.fillstyle)
    trained = about[about["norm"] == "linf"].sort_values("epsilon").index
    assert {looks[m].marker for m in trained} == {"s"}
    assert (np.diff([looks[m].size for m in trained]) > 0).all()
    assert looks["mini_standard"] == figures.mark("tv_resnet50")
    again = figures.mark("mini_simclr@run")
    assert (again.marker, again.color) == (looks["mini_simclr"].marker, marks.NEW.color)


def test_the_legend_of_the_miniature():
    result = figures.legend(NETWORKS)
    names = {name.replace("Stylized ImageNet", "Stylized") for name in study.GROUPS.values()}
    assert texts(result.figure) == set(study.miniature()["name"]) | names
    assert result.data["model"].tolist() == NETWORKS
    assert result.alt.startswith("Legend of the 21 models, one mark each, by group: Baseline (1), Training recipes (4)")
    assert beyond(result.figure) < 0.01


def drawings(zoo) -> dict[str, figures.Figure]:
    """Each kind of figure, of the miniature alone."""
    table, accuracy = scores.per_model(zoo), scores.benchmarks(zoo)
    world = study.world(table["model"])
    ids = [b.id for b in world.benchmarks]
    groups = study.figure2_groups(table["group"])
    cells = correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups)
    return {
        "categories": figures.scatter(table, ["shape", "bandwidth"], scores.CATEGORY_COLUMNS),
        "benchmarks": figures.scatter(table.merge(accuracy, on=["model", "group"]), ["shape"], ids),
        "heatmap": figures.correlation_heatmap(cells, world),
        "matrix": figures.correlation_matrix(correlation.correlate(accuracy, ids, ids), ids, world.categories, world),
        "curves": figures.curves(scores.bandpass(zoo)),
        "legend": figures.legend(NETWORKS),
    }


def test_figures_of_the_miniature_speak_of_the_miniature_and_fit_the_page(zoo):
    for name, result in drawings(zoo).items():
        words = " ".join(texts(result.figure)) + result.alt
        assert "ImageNet" not in words, name
        assert "IN-" not in words, name
        assert "L2" not in words, name
        assert beyond(result.figure) < 0.01, name


def test_figures_of_the_miniature_count_and_name_what_they_draw(zoo):
    drawn = drawings(zoo)
    over = "Spearman's r over 21 models, 6 adversarially trained (AT) and 15 others"
    shown = texts(drawn["categories"].figure)
    assert {over, "Adversarial training, L∞, ε = 0 to 8/255", "Stylized", "Frozen filters"} <= shown
    assert drawn["categories"].data["in_statistics"].all()
    names = {b.name for b in study.MINIATURE.benchmarks}
    assert names <= texts(drawn["benchmarks"].figure)
    assert names - {"Validation"} <= texts(drawn["matrix"].figure)
    assert {"Val", "Silh", "Styl"} <= texts(drawn["matrix"].figure)
    titles = [a.get_title(loc="left") for a in drawn["heatmap"].figure.axes if a.texts]
    assert titles == ["All 21 models", "6 adversarially trained", "15 others"]
    rows = [a.get_title(loc="left") for a in drawn["curves"].figure.axes[::2]]
    assert rows == [
        "Augmentation",
        "Adversarial training",
        "Training recipes, Stylized, Frozen filters, Contrastive learning",
    ]
    assert {"Standard", "Wider: larger ε"} <= texts(drawn["curves"].figure)


def test_a_readers_network_stands_beside_the_miniatures_and_does_not_count(zoo):
    table = scores.per_model(pd.concat([zoo, measured("mine", seed=1)], ignore_index=True))
    result = figures.scatter(table, ["shape"], ["ID"])
    alone = figures.scatter(scores.per_model(zoo), ["shape"], ["ID"])
    assert_frame_equal(result.statistics, alone.statistics)
    assert "mine" in set(result.data["model"])
    assert "of 22 models" in result.alt
    assert "15 others; new models are left out" in result.alt


def test_beside_the_study_the_miniature_is_drawn_apart_and_does_not_count(zoo, published):
    table = scores.per_model(pd.concat([published, zoo], ignore_index=True), allow_missing=True, needs=["Concepts"])
    result = figures.scatter(table, ["shape", "bandwidth"], ["Concepts"], highlight=["mini_linf_eps8"])
    shown = {t.replace("\n", " ") for t in texts(result.figure)}
    over = "Spearman's r over 48 models, 15 adversarially trained (AT) and 33 others; highlighted and miniature models"
    assert f"{over} are left out" in shown
    assert {"Augmentation", "Augmentation (mini)", "Stylized ImageNet", "Stylized (mini)"} <= shown
    assert {"Adversarial training, L2, ε = 0 to 5", "Adversarial training (mini), L∞, ε = 0 to 8/255"} <= shown
    assert beyond(result.figure) < 0.01


# Tables --------------------------------------------------------------------------------------------------------------


def test_the_summary_has_a_row_per_model_and_the_images_behind_it(zoo):
    ids = ["imagenet", "imagenet-a", "imagenet-c", "pgd", "shape", "low_frequency", "bandwidth"]
    result = tables.summary(zoo, ids, epsilon=1 / 255)
    assert list(result.shown) == [
        *("Model", "Validation [%]", "Misjudged [%]", "Corruptions C [%]", "PGD, ε = 1/255 [%]"),
        *("Shape bias", "Low-frequency bias", "Bandwidth [octaves]"),
    ]
    assert result.shown["Model"].tolist() == [*study.miniature()["name"], "*images*"]
    assert result.shown.iloc[-1].tolist()[1:] == ["480", "240", "5,600", "480", "432", "480", "480"]
    row = scores.per_model(zoo, epsilon=1 / 255).set_index("model").loc["mini_blur"]
    shown = result.shown.set_index("Model").loc["Blur"]
    assert shown["PGD, ε = 1/255 [%]"] == f"{row['Adversarial']:.1f}"
    assert shown["Shape bias"] == f"{row['shape']:.2f}"
    behind = ["critical-band", "cue-conflict", "imagenet", "imagenet-a", "imagenet-c", "low-pass", "pgd"]
    assert_frame_equal(result.data, zoo[zoo["benchmark"].isin(behind)].drop(columns="source").reset_index(drop=True))


def test_the_summary_of_one_model_of_imagenet():
    rows = [
        ("mine", "imagenet", "", np.nan, "top1", 76.13, 50_000, "run"),
        ("resnet18", "imagenet", "", np.nan, "top1", 70.0, 5_000, "run"),
        *(("mine", "imagenet-c", kind, s, "top1", 40.0, 10, "run")
          for kind in study.CORRUPTIONS["imagenet-c"] for s in study.SEVERITIES),
    ]  # fmt: skip
    table = results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))
    shown = tables.summary(table, ["imagenet", "imagenet-c", "pgd"]).shown
    assert shown.to_numpy().tolist() == [
        ["ResNet-18", "70.0", "", ""],
        ["mine", "76.1", "40.0", ""],
        ["*images*", "5,000–50,000", "950", ""],
    ]
    assert list(shown) == ["Model", "ImageNet [%]", "ImageNet-C [%]", "PGD, ε = 0.5/255 [%]"]
    own = tables.summary(table.query("model == 'mine'"), ["imagenet"], world=study.MINIATURE).shown
    assert list(own) == ["Model", "Validation [%]"]


def test_the_published_summary_states_no_images(published):
    shown = tables.summary(published, ["imagenet", "shape"]).shown
    assert "*images*" not in set(shown["Model"])
    assert len(shown) == 70


@pytest.mark.parametrize("columns", [[], ["imagenet-real"], ["colour"]])
def test_a_summary_of_what_there_is_not_is_refused(zoo, columns):
    with pytest.raises(
        ValueError, match="expected `columns` to name benchmarks and biases among imagenet, imagenet-v2"
    ):
        tables.summary(zoo, columns)


def cells(**values: float) -> pd.DataFrame:
    """Cells of ID against these biases, in one group, shown as given; r is 0.1 where nothing is shown."""
    rows = [("ID", b, "total", v or 0.1, 0.5 if v == 0 else 0.01, 20, v) for b, v in values.items()]
    return pd.DataFrame(rows, columns=["row", "column", "group", "r", "p", "n", "shown"])


def test_the_verdict_on_two_correlations():
    nothing = float("nan")
    first = {"shape": -0.7, "low_frequency": 0.6, "high_frequency": -0.5, "bandwidth": 0.0, "center_frequency": 0.0}
    second = {"shape": -0.3, "low_frequency": -0.6, "high_frequency": 0.0, "bandwidth": 0.5, "center_frequency": 0.0}
    result = tables.beside(
        cells(**first, peak_noise_sensitivity=0.5), cells(peak_noise_sensitivity=nothing, **second).assign(n=9)
    )
    assert result.data.set_index("column")["verdict"].to_dict() == {
        "shape": "same",
        "low_frequency": "opposite",
        "high_frequency": "only published",
        "bandwidth": "only miniature",
        "center_frequency": "neither",
        "peak_noise_sensitivity": "not defined",
    }
    assert list(result.data) == [
        *("row", "column", "group", "r_published", "p_published", "n_published", "shown_published"),
        *("r_miniature", "p_miniature", "n_miniature", "shown_miniature", "verdict"),
    ]
    assert list(result.shown) == ["Correlation of", "with", "All (n = 20, 9)"]
    assert result.shown.iloc[3].tolist() == ["In distribution", "Bandwidth", "n.s., 0.50: miniature"]
    assert result.shown.iloc[5, 2] == "0.50, not defined: not defined"


def test_the_two_figure_2s_beside_each_other(zoo, published):
    def figure2(table):
        groups = study.figure2_groups(table["group"])
        return correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups)

    result = tables.beside(figure2(scores.per_model(published)), figure2(scores.per_model(zoo)))
    assert (len(result.data), len(result.shown)) == (72, 24)
    assert list(result.shown)[2:] == ["All (n = 48, 21)", "AT (n = 15, 6)", "Others (n = 33, 15)"]
    assert result.shown.iloc[0, 2].startswith("−0.76, ")
    benchmarks = cells(shape=0.5).assign(row="imagenet-r")
    assert tables.beside(benchmarks, benchmarks).shown.iloc[0, 0] == "ImageNet-R / Silhouettes"


def test_correlations_that_only_one_table_has_are_refused():
    with pytest.raises(ValueError, match=r"the same cells in both tables, got \['ID', 'bandwidth', 'total'\]"):
        tables.beside(cells(shape=0.5, bandwidth=0.1), cells(shape=0.5))


def test_the_books_tables_of_the_miniature(zoo):
    listed = tables.benchmarks(study.MINIATURE).shown
    assert list(listed) == ["Category", "Data set", "Classes", "Measured"]
    assert listed["Data set"].tolist() == [b.name for b in study.MINIATURE.benchmarks]
    named = tables.models(scores.benchmarks(zoo)).shown
    assert list(named) == ["Model", "Training", "Group", "Validation top-1 [%]", "Id"]
    corrupted = tables.corruptions(scores.corruptions(zoo, "imagenet-cbar"))
    assert list(corrupted.shown) == ["Model", "checkerboard cutout", "cocentric sine waves", "plasma noise"]
    assert set(corrupted.data["corruption"]) == set(KINDS["imagenet-cbar"])
