#!/usr/bin/env python3
"""An app that takes any words and puts them into its result."""

import hashlib
import json
import sys
from pathlib import Path

words = sys.argv[1:]
file = words.index("--json")
result = {
    "arguments": [*words[:file], *words[file + 2 :]],
    "timings": {"iteration_s": {"median": 1.0}},
    "verification": [{"name": "none", "value": 0, "tolerance": 0, "passed": True}],
    "checksum": hashlib.sha256(repr(words[:file]).encode()).hexdigest()[:16],
    "ranks": 1,
    "threads_per_rank": 1,
}
Path(words[file + 1]).write_text(json.dumps(result))
