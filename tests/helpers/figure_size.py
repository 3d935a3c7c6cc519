"""Check that figures fit their page."""


def overhang(figure) -> float:
    """Return how far a drawing exceeds its page, in inches; negative if it does not."""
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return -min(box.x0, box.y0, width - box.x1, height - box.y1)
