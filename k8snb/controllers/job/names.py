"""The names, texts and numbers of the Job controller (``k8s.io/api/batch/v1`` and ``pkg/controller/job``)."""

from __future__ import annotations

from typing import Final

FINALIZER: Final = "batch.kubernetes.io/job-tracking"
"""Keeps a finished pod until its Job has counted it."""
INDEX: Final = "batch.kubernetes.io/job-completion-index"
"""Annotation and label of a pod of an Indexed Job: its completion index."""
INDEX_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
"""Annotation: how many pods of the index have failed before this one, those that a policy ignores left out."""
INDEX_IGNORED_FAILURES: Final = "batch.kubernetes.io/job-index-ignored-failure-count"
"""Annotation: how many failed pods of the index a pod failure policy has ignored."""
INDEX_VARIABLE: Final = "JOB_COMPLETION_INDEX"
"""Environment variable of every container of a pod of an Indexed Job."""
MANAGER: Final = "kubernetes.io/job-controller"
"""``spec.managedBy`` of a Job that this controller looks after, beside none at all."""

COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
FAILURE_TARGET: Final = "FailureTarget"
SUCCESS_CRITERIA_MET: Final = "SuccessCriteriaMet"
SUSPENDED: Final = "Suspended"

BACKOFF_LIMIT_EXCEEDED: Final = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE_EXCEEDED: Final = ("DeadlineExceeded", "Job was active longer than specified deadline")
MAX_FAILED_INDEXES_EXCEEDED: Final = (
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
FAILED_INDEXES: Final = ("FailedIndexes", "Job has failed indexes")
COMPLETIONS_REACHED: Final = ("CompletionsReached", "Reached expected number of succeeded pods")
POD_FAILURE_POLICY: Final = "PodFailurePolicy"
SUCCESS_POLICY: Final = "SuccessPolicy"

BATCH_PERIOD: Final = 1.0
"""Seconds for which changes of pods are gathered before a Job is looked at (``SyncJobBatchPeriod``)."""
API_BACKOFF: Final = (1.0, 60.0)
"""Seconds before the first and the longest retry after an API error (``DefaultJobApiBackOff``, ``MaxJobApiBackOff``)."""
POD_BACKOFF: Final = (10.0, 600.0)
"""Seconds before a failed pod is replaced, doubled with each failure, and the longest (``…JobPodFailureBackOff``)."""
MAX_UNCOUNTED: Final = 500
"""Most pods that ``status.uncountedTerminatedPods`` takes in at a time (``MaxUncountedPods``)."""
MAX_PODS_PER_SYNC: Final = 500
"""Most pods created or deleted at a time (``MaxPodCreateDeletePerSync``)."""
LONGEST_PREFIX: Final = 58
"""Most characters of a name before its five generated ones (apiserver ``MaxGeneratedNameLength``)."""
