"""The parts of check_provider.py."""
