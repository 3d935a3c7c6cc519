"""Run `python -m builder` from the folder `book`."""

from builder.build import main

main()
