"""Tables of the performance page."""

from benchmark_rows import benchmark
from companion.tables import performance as tables


def test_tables_of_a_benchmark_with_round_numbers():
    table = benchmark()
    drift = tables.drift(table).displayed
    assert drift[["Precision", "Decisions", "Flips per 1,000", "Top-1 [points]"]].values.tolist() == [
        ["bf16", "300", "4.0", "−0.25"], ["bf16", "50", "7.0", ""]
    ]  # fmt: skip
    assert tables.decoding(table).displayed["Images per second"].tolist() == ["100", "200", "100,000"]
    assert list(tables.study(table, 48).displayed) == ["Device", "Network", "1 model", "48 models"]
    assert (
        tables.ratios(table)
        == "band-pass, 22 conditions: 10.0 times (NumPy); critical band, 28 conditions: 6.0 times (pyrtools)"
    )
