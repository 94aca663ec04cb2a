#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# One line on the system that everything runs on, virtual machines and all.
set -eu

processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
echo "$(nproc) CPUs: ${processor:-$(uname -m)}, $(uname -sr), load $(cut -d ' ' -f 1 /proc/loadavg)"
