"""Exercises that grade themselves: answers are manifests and kubectl commands, and what they do decides.

An exercise is data (``model``): a world to start from, questions, checks of behaviour (``conditions``) after faults and
further steps (``steps``), hints, and the misconceptions that wrong answers show. An answer is read out of a notebook as
text (``answers``) and replayed in a fresh cluster (``replay``); in class that gives feedback at once (``practice``), for a
grade it happens in a separate, limited process (``isolated``) with worlds and checks that students do not have. No code of
a student is ever run for a grade.
"""

from __future__ import annotations

from k8snb.grading.model import Exercise, ExerciseError, Question, load_exercise

__all__ = ["Exercise", "ExerciseError", "Question", "load_exercise"]
