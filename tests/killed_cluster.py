"""A busy durable cluster that says each revision once it is acknowledged, until somebody kills it."""

from __future__ import annotations

import sys

from k8snb.cluster import Cluster
from tests.manifests import deployment


def main(path: str) -> None:
    """Scale a Deployment up and down for ever."""
    with Cluster(nodes=2, seed=3, path=path) as cluster:
        cluster.apply(deployment(replicas=1))
        print(cluster.revision, flush=True)
        for i in range(10_000):
            cluster.scale("deployment", "web", 1 + i % 5)
            print(cluster.revision, flush=True)
            for _ in range(40):
                if not cluster.step():
                    break
                print(cluster.revision, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
