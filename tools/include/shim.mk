# SPDX-License-Identifier: GPL-2.0
#
# For programs built from driver/ sources outside the kernel: the few kernel
# headers those use, and what stands behind them. Include with SHIM set to the
# directory of this file and BUILD to where output goes.
SHIM_CPPFLAGS := -D_GNU_SOURCE -I$(BUILD)/include -I$(SHIM) -I$(SHIM)/../../include/uapi
SHIM_CFLAGS   := -std=gnu11 -pthread
# what -Wall and -Wextra have and the kernel has not
SHIM_CFLAGS   += -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHIM_CFLAGS   += -Wno-gnu-variable-sized-type-not-at-end -Wno-pointer-sign
SHIM_SOURCES  := $(sort $(wildcard $(SHIM)/shim/*.c))

# linux/nvme.h is the kernel's own, from the newest headers installed.
KERNEL_HEADERS ?= $(lastword $(sort $(wildcard /usr/src/linux-headers-*-common)))

$(BUILD)/include/linux/nvme.h: $(KERNEL_HEADERS)/include/linux/nvme.h
	@mkdir -p $(@D)
	ln -sf $< $@
