"""`python -m bvg.measure`."""

import sys

from bvg.measure.runner import main

sys.exit(main())
