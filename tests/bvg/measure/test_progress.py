"""Progress in a log file: lines, not a bar that overwrites itself."""

import re

from bvg.measure import progress


def test_a_log_file_gets_lines_with_done_total_rate_and_time_left(capfd, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.bar(50, "imagenet", True, miniters=1) as bar:
        for _ in range(5):
            bar.update(10)
    output = capfd.readouterr()
    assert "\r" not in output.err
    lines = output.err.splitlines()
    assert len(lines) >= 5
    pattern = r"imagenet: \d+ of 50 img \(\d+ %\), (\?|[\d.]+k?)img/s, 00:00 so far, (\?|00:00) left"
    assert [line for line in lines if not re.fullmatch(pattern, line)] == []
    assert lines[-1].startswith("imagenet: 50 of 50 img (100 %)")


def test_a_long_run_gets_a_line_every_half_minute(capfd):
    with progress.bar(1000, "imagenet", True) as bar:
        for _ in range(1000):
            bar.update()
    assert len(capfd.readouterr().err.splitlines()) == 2  # at the start and at the end, since it was short
