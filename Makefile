# SPDX-License-Identifier: GPL-2.0
#
# Nothing but make and mmdebstrap is expected of the host: compilers, kernel and
# QEMU come from a Debian root under build/, see tools/vm/make-root.
#
#   make                          module and tools, built inside that root
#   make ... KERNEL=6.1           in the root of that kernel; also 6.12 (default), 7.3, debug
#   make demo QEMU=7.2            guests in that QEMU, not the kernel's; also 10.0 and 11.1
#   make module KDIR=DIR          module for the kernel whose headers are in DIR
#   make install [DESTDIR= PREFIX=]   module, tools and manual pages, this system

KERNEL     ?= 6.12
QEMU       ?=
KDIR       ?=
PREFIX     ?= /usr/local
DESTDIR    ?=
DEMO       ?= full
MODULES    ?= build/module
NATIVE_KDIR = $(or $(KDIR),/lib/modules/$(shell uname -r)/build)

IN_ROOT := tools/vm/in-root
BOOT    := tools/vm/boot
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
PARALLEL := -j$(shell nproc)

export KERNEL QEMU

INSIDE    := $(filter /src,$(CURDIR))
ROOT_KDIR  = $(if $(filter debug,$(KERNEL)),/src/build/linux,$(wildcard /usr/src/linux-headers-*-amd64))
kernel_of  = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' $(1)/include/generated/utsrelease.h)

.PHONY: all module linked-module tools check check-all check-conform check-cross check-faults check-mutants smoke fuzz demo bench shell root install install-module
.PHONY: guest-initramfs clean distclean help

all: module tools

# The module is built in a tree of links to the sources, one for each kernel:
# builds for different kernels do not meet, and the source tree stays clean.
ifneq ($(or $(KDIR),$(INSIDE)),)
kdir   := $(or $(KDIR),$(ROOT_KDIR))
kernel := $(call kernel_of,$(kdir))
objdir := $(CURDIR)/$(MODULES)/$(kernel)

module:
	@test -n "$(kernel)" || { echo "no kernel headers in $(kdir)"; exit 1; }
	@mkdir -p $(objdir)
	@flock $(objdir) $(MAKE) --no-print-directory linked-module

linked-module:
	@find $(objdir) -type l ! -name mdevsim.ko -delete
	@find Kbuild driver include -type d -exec mkdir -p $(objdir)/{} \;
	@find Kbuild driver include \( -name '*.[ch]' -o -name Kbuild \) -type f \
		-exec ln -s $(CURDIR)/{} $(objdir)/{} \;
	$(MAKE) $(PARALLEL) -C $(kdir) M=$(objdir) modules
	@ln -sf driver/mdevsim.ko $(objdir)/mdevsim.ko
else
module:
	$(IN_ROOT) make module
endif

ifneq ($(INSIDE),)
tools:
	$(MAKE) $(PARALLEL) -C tools/vfiomig O=$(CURDIR)/build/tools
else
tools:
	$(IN_ROOT) make tools
endif

# Once is enough for what no kernel takes part in; and sparse 0.6.4 does not
# understand the headers of 7.3.
LOOKS  := $(if $(filter 6.12,$(KERNEL)),checkpatch rules)
PURE   := $(if $(filter 6.12,$(KERNEL)),unit lm)
MTTY   := $(if $(filter 6.12,$(KERNEL)),mtty)
SPARSE := $(if $(filter 7.3,$(KERNEL)),,sparse)

check: root
	tools/vm/check module $(SPARSE) $(LOOKS) tools guest $(PURE) kselftest cli options

smoke: root
	tools/vm/check smoke

# vfiomig conform, on our driver and on the kernel's sample
check-conform: root
	tools/vm/check conform $(MTTY)

# Whether the tests notice what is wrong with a driver that something is wrong with
check-mutants: root
	tools/vm/check mutants

# What QEMU makes of each fault a device can have.
check-faults: root
	tools/vm/check faults

# Device state from the oldest kernel to the newest and back.
check-cross:
	tools/vm/check cross

# All of them, whatever becomes of one.
check-all:
	@status=0; for kernel in 6.12 debug 6.1 7.3; do \
		echo "kernel $$kernel"; \
		$(MAKE) --no-print-directory check KERNEL=$$kernel || status=1; \
	done; \
	$(MAKE) --no-print-directory check-cross || status=1; \
	exit $$status

# Goes on from what "make check" has found.
fuzz: root
	$(IN_ROOT) make -C selftests/fuzz fuzz O=/src/build/unit/fuzz $(FUZZ_SECONDS:%=FUZZ_SECONDS=%)

# The system of the guests that the host VM runs.
ifneq ($(INSIDE),)
build/guest-initramfs: tools/vm/guest-initramfs tools/vm/guest-init tools/vm/packages
	tools/vm/guest-initramfs $@

guest-initramfs: build/guest-initramfs
else
guest-initramfs:
	$(IN_ROOT) make guest-initramfs
endif

demo: all guest-initramfs
	$(BOOT) -g -q -n demo -m 4G -t $(if $(filter debug,$(KERNEL)),1800,600) 'tools/vm/demo.py $(DEMO)'

bench: all guest-initramfs
	$(IN_ROOT) make -C selftests/bench
	$(IN_ROOT) make module MODULES=build/bare KCFLAGS=-DMDEVSIM_BARE
	$(BOOT) -g -q -n bench -m 5G -t 1800 "MACHINE='$$(selftests/bench/machine.sh)' selftests/bench/run.sh"

shell: root
	$(BOOT) -n shell -t 86400 -i

root:
	tools/vm/make-kernel

# On this system, with its own headers and compiler.
install: install-module
	$(MAKE) -C tools/vfiomig O=$(CURDIR)/build/native install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

install-module:
	$(MAKE) module KDIR=$(NATIVE_KDIR)
	$(MAKE) -C $(NATIVE_KDIR) M=$(CURDIR)/build/module/$(call kernel_of,$(NATIVE_KDIR)) \
		INSTALL_MOD_DIR=updates $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install

# clean keeps the roots and the debug kernel, which take minutes to make; distclean does not.
clean:
	[ ! -d build ] || $(SUDO) find build -mindepth 1 -maxdepth 1 ! -name root \
		! -name linux-source ! -name kernel-debug -exec rm -rf {} +
	[ ! -d build/kernel-debug ] || $(SUDO) find build/kernel-debug -mindepth 1 -maxdepth 1 \
		! -name linux -exec rm -rf {} +

distclean:
	$(SUDO) rm -rf --one-file-system build

help:
	@echo 'make              module and tools, in build/'
	@echo 'make check        build checks, unit tests, kselftests in a virtual machine'
	@echo 'make check-all    the same for each of the kernels 6.12, debug, 6.1 and 7.3, and check-cross'
	@echo 'make check-conform  vfiomig conform on our driver and on mtty'
	@echo 'make check-mutants  the tests notice defects that are made on purpose'
	@echo 'make check-cross  device state goes from kernel 6.1 to 7.3 and back'
	@echo 'make smoke        in a few minutes: the main kselftests and a guest that migrates'
	@echo 'make fuzz         the fuzzers for an hour each (FUZZ_SECONDS= for another time)'
	@echo 'make demo         a guest with our NVMe function live-migrates (DEMO=short: less of it)'
	@echo 'make bench        figures'
	@echo '                  all of these for another kernel: KERNEL=6.1, 7.3, debug;'
	@echo '                  with guests in another QEMU than its own: QEMU=7.2, 10.0, 11.1'
	@echo 'make shell        a shell in the virtual machine'
	@echo 'make root         only the Debian root that all of this runs in, and the debug kernel'
	@echo 'make module KDIR=/lib/modules/$$(uname -r)/build   a module for this system'
	@echo 'make install      module, tools and manual pages (PREFIX=, DESTDIR=, KDIR=)'
	@echo 'make clean        everything built but the root; distclean: that too'
