"""The Flower apps and the job they run, in simulation and in a deployment."""

import os

from clues.plugins import require

require("federated")

# Before any module here imports Flower, which reads these once: neither Flower nor Ray may call home.
for _name, _value in {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}.items():
    os.environ.setdefault(_name, _value)
