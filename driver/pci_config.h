/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Configuration space, as data: what a register reads after reset, which bits
 * can be written, which are cleared by writing 1. Pure: no VFIO, no locks.
 */
#ifndef MDEVSIM_PCI_CONFIG_H
#define MDEVSIM_PCI_CONFIG_H

#include <linux/types.h>
#include <linux/mdevsim_state.h>
#include "function.h"

/** define MDEVSIM_CONFIG_SIZE - bytes of configuration space, the extended part reads as zero */
#define MDEVSIM_CONFIG_SIZE		4096

/** define MDEVSIM_BAR0_SIZE - registers, MSI-X table, pending bits; at least 16 KiB for Windows */
#define MDEVSIM_BAR0_SIZE		0x4000
/** define MDEVSIM_BAR0_MSIX_TABLE - MSI-X table, in a page of its own */
#define MDEVSIM_BAR0_MSIX_TABLE		0x2000
/** define MDEVSIM_BAR0_MSIX_PBA - MSI-X Pending Bit Array */
#define MDEVSIM_BAR0_MSIX_PBA		0x3000

/**
 * struct mdevsim_pci_config - configuration space
 * @words: first 256 bytes, as 32-bit registers in the processor's byte order
 */
struct mdevsim_pci_config {
	u32 words[64];
};

/**
 * enum mdevsim_config_event - what a write set going; bits of mdevsim_pci_config_write()'s result
 * @MDEVSIM_CONFIG_DMA: whether the function may use DMA may have changed
 * @MDEVSIM_CONFIG_INTX: whether INTx may be sent may have changed
 * @MDEVSIM_CONFIG_RESET: a function level reset was asked for
 */
enum mdevsim_config_event {
	MDEVSIM_CONFIG_DMA	= 1 << 0,
	MDEVSIM_CONFIG_INTX	= 1 << 1,
	MDEVSIM_CONFIG_RESET	= 1 << 2,
};

/** mdevsim_pci_config_reset - all registers as after a conventional reset */
void mdevsim_pci_config_reset(struct mdevsim_pci_config *config);

/**
 * mdevsim_pci_config_read - @width (1, 2 or 4) bytes at @offset, naturally aligned, inside
 *	%MDEVSIM_CONFIG_SIZE
 */
u32 mdevsim_pci_config_read(const struct mdevsim_pci_config *config, u32 offset,
			    unsigned int width);

/**
 * mdevsim_pci_config_write - write likewise; bits that cannot be written stay
 *
 * Return: a mask of &enum mdevsim_config_event
 */
unsigned int mdevsim_pci_config_write(struct mdevsim_pci_config *config, u32 offset,
				      unsigned int width, u32 value);

/** mdevsim_pci_config_dma - bus mastering is on and the power state D0 */
bool mdevsim_pci_config_dma(const struct mdevsim_pci_config *config);

/** mdevsim_pci_config_intx - INTx is not disabled */
bool mdevsim_pci_config_intx(const struct mdevsim_pci_config *config);

/** mdevsim_pci_config_msix - MSI-X is enabled */
bool mdevsim_pci_config_msix(const struct mdevsim_pci_config *config);

/** mdevsim_pci_config_intx_status - set or clear Interrupt Status in the Status register */
void mdevsim_pci_config_intx_status(struct mdevsim_pci_config *config, bool asserted);

/** mdevsim_pci_config_save - as it goes into a stream */
void mdevsim_pci_config_save(const struct mdevsim_pci_config *config,
			     struct mdevsim_state_pci_config *state);

/** mdevsim_pci_config_check - -EINVAL with a reason unless constant bits are as after reset */
int mdevsim_pci_config_check(const struct mdevsim_state_pci_config *state,
			     struct mdevsim_reason *why);

/** mdevsim_pci_config_load - take over what mdevsim_pci_config_check() accepted */
void mdevsim_pci_config_load(struct mdevsim_pci_config *config,
			     const struct mdevsim_state_pci_config *state);

#endif /* MDEVSIM_PCI_CONFIG_H */
