"""Adapters of several clients made into one."""
