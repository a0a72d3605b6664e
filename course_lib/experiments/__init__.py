"""Measurements, one file per lesson: functions that return named numbers."""
