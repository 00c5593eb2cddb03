"""A Ray cluster: the one that RAY_ADDRESS names, else the one this machine belongs to, else a local one for this run.

    with ray_cluster() as ray:
        ray.get(ray.remote(function).remote())

cotkit must be installed on every node. What Ray places, restarts and transports is Ray's business; nothing here is home-made.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...schemas.errors import CotkitError


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Connect to a cluster, or start a local one, and give the `ray` module; raises CotkitError when there is none to be had.

    A cluster that this process is connected to already is used, and left as it is.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own, about its coming defaults
            import ray
    except ImportError as error:
        raise CotkitError(f"Ray is not installed: {error}", "pip install 'cotkit[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CotkitError(f"no Ray cluster: {error}", "start one with `ray start --head`, or mend RAY_ADDRESS") from error
    try:
        yield ray
    finally:
        ray.shutdown()
