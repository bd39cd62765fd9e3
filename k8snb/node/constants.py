"""The numbers of a node, in seconds and bytes unless named otherwise, each with its source.

Where upstream has a default it is upstream's; how long a machine needs for a piece of work is an order of magnitude
measured on small cloud machines.
"""

from __future__ import annotations

from typing import Final

# -- kubelet

LEASE_SECONDS: Final = 40
"""kubelet ``nodeLeaseDurationSeconds``."""
LEASE_RENEW: Final = 10.0
"""A lease is renewed every quarter of its duration (kubelet ``nodeLeaseRenewIntervalFraction`` 0.25)."""
NODE_STATUS_UPDATE: Final = 10.0
"""kubelet ``--node-status-update-frequency``: how often a node looks whether its status changed."""
NODE_STATUS_REPORT: Final = 300.0
"""kubelet ``nodeStatusReportFrequency``: an unchanged node status is posted every 5 minutes."""
SYNC_FREQUENCY: Final = 60.0
"""kubelet ``--sync-frequency``: mounted ConfigMaps and Secrets are brought up to date at most this late."""
RELIST: Final = 1.0
"""kubelet generic PLEG ``genericPlegRelistPeriod``: how often container states are noticed."""
RETRY: Final = 10.0
"""kubelet pod workers ``backOffPeriod``: pause after a failed sync (a missing ConfigMap, a failed mount)."""
CRASH_BACKOFF: Final = 10.0
"""kubelet ``initialBackOff`` of container restarts, doubling."""
CRASH_BACKOFF_MAX: Final = 300.0
"""kubelet ``MaxCrashLoopBackOff``."""
BACKOFF_RESET: Final = 600.0
"""client-go ``flowcontrol.Backoff``: forgotten after twice the maximum, i.e. 10 minutes of running."""
PULL_BACKOFF: Final = 10.0
"""kubelet image back-off ``imageBackOffPeriod``, doubling."""
PULL_BACKOFF_MAX: Final = 300.0
"""kubelet ``MaxImageBackOff``."""
MOUNT_BACKOFF: Final = 0.5
"""volume manager ``exponentialbackoff`` initial delay, doubling."""
MOUNT_BACKOFF_MAX: Final = 122.0
"""volume manager ``maxDurationBeforeRetry`` (2 min 2 s)."""
MINIMUM_GRACE: Final = 2.0
"""kuberuntime ``minimumGracePeriodInSeconds``: what a container gets after its preStop hook used up the grace period."""
MAX_PODS: Final = 110
"""kubelet ``--max-pods``."""
EVICTION_MEMORY: Final = 100 * 1024 * 1024
"""kubelet ``evictionHard`` memory.available < 100Mi: capacity minus this is allocatable."""
EVICTION_DISK: Final = 0.10
"""kubelet ``evictionHard`` nodefs.available < 10 %: that part of the disk is not allocatable."""
MAX_IMAGES: Final = 50
"""kubelet ``nodeStatusMaxImages``."""
LOG_LINES: Final = 20_000
"""Lines kept per container instance (kubelet keeps ``containerLogMaxSize`` 10Mi)."""

# -- work of a machine

SANDBOX: Final = 0.3
"""Creating a pod sandbox: cgroup, pause container, CNI ADD."""
CONTAINER_START: Final = 0.1
"""Creating and starting one container whose image is there."""
PULL_RATE: Final = 25_000_000
"""Bytes of a compressed image per second: 200 Mbit/s."""
PULL_ROUND_TRIP: Final = 0.5
"""Asking the registry for a manifest; also the price of pulling an image that is already there."""
PULL_FAILURE: Final = 0.8
"""Until a registry's refusal comes back."""
NODE_READY: Final = 0.5
"""From a node's registration until its network plugin is ready."""
BOOT: Final = 5.0
"""From switching a machine on until its kubelet runs."""
SCRATCH_COMMAND: Final = 0.001
"""What any command of a script takes, so that a loop without a pause moves on in time."""
OOM_DELAY: Final = 0.2
"""From a container's start until a memory use above its limit gets it killed."""

# -- versions

KUBELET_VERSION: Final = "v1.36.2"
RUNTIME_VERSION: Final = "containerd://2.2.0"
KERNEL_VERSION: Final = "6.12.0"
OS_IMAGE: Final = "Debian GNU/Linux 13 (trixie)"
PAUSE_IMAGE: Final = "registry.k8s.io/pause:3.10.1"
