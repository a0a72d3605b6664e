"""What this learner answered: the only opener of drills.sqlite."""

from drills.records.location import location
from drills.records.records import Records
from drills.records.review import Review
from drills.records.settings import Settings
from drills.records.sitting import Reply, Sitting

__all__ = ["Records", "Reply", "Review", "Settings", "Sitting", "location"]
