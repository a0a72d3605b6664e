"""The way to an interview: a diagnostic, then each day's cards and exercises."""

from drills.planning.diagnostic import levels, next_card
from drills.planning.learner import plan_of
from drills.planning.plan import Day, Plan, PlanError, plan

__all__ = ["Day", "Plan", "PlanError", "levels", "next_card", "plan", "plan_of"]
