# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""The parts of check_provider.py."""
