// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space from tables.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/pci_regs.h>
#include <linux/string.h>
#include "pci_config.h"

#define PM_CAP		0x40
#define MSIX_CAP	0x48
#define EXP_CAP		0x60

#define MSIX_ENABLE	((u32)PCI_MSIX_FLAGS_ENABLE << 16)	/* as part of the register */

#define CLASS_NVME	0x010802
#define SUBSYSTEM_ID	0x0001

/**
 * struct config_register - behaviour of 32 bits of configuration space
 * @reset: value after reset
 * @rw: bits that software writes
 * @w1c: bits that software clears by writing 1
 *
 * Bits in neither mask are constant.
 */
struct config_register {
	u32 reset;
	u32 rw;
	u32 w1c;
};

#define COMMAND_RW	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |	\
			 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

#define EXP_CONTROL_RW	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |	\
			 PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN |			\
			 PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)

#define EXP_STATUS_W1C	(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED |	\
			 PCI_EXP_DEVSTA_URD)

#define LINK_CONTROL_RW	(PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC |	\
			 PCI_EXP_LNKCTL_ES)

/* By register number, see &struct mdevsim_state_pci_config; those not listed read as zero. */
static const struct config_register config_registers[64] = {
	[PCI_VENDOR_ID / 4] = { .reset = MDEVSIM_PCI_DEVICE << 16 | MDEVSIM_PCI_VENDOR },
	[PCI_COMMAND / 4] = {
		.reset	= PCI_STATUS_CAP_LIST << 16,
		.rw	= COMMAND_RW,
	},
	[PCI_CLASS_REVISION / 4] = { .reset = CLASS_NVME << 8 | 1 },
	[PCI_CACHE_LINE_SIZE / 4] = { .rw = 0xff },
	[PCI_BASE_ADDRESS_0 / 4] = {
		.reset	= PCI_BASE_ADDRESS_MEM_TYPE_64,
		.rw	= ~(MDEVSIM_BAR0_SIZE - 1),
	},
	[PCI_BASE_ADDRESS_1 / 4] = { .rw = ~0 },
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = { .reset = SUBSYSTEM_ID << 16 | MDEVSIM_PCI_VENDOR },
	[PCI_CAPABILITY_LIST / 4] = { .reset = PM_CAP },
	[PCI_INTERRUPT_LINE / 4] = { .reset = 1 << 8, .rw = 0xff },

	[PM_CAP / 4] = { .reset = 3 << 16 | MSIX_CAP << 8 | PCI_CAP_ID_PM },
	[(PM_CAP + PCI_PM_CTRL) / 4] = {
		.reset	= PCI_PM_CTRL_NO_SOFT_RESET,
		.rw	= PCI_PM_CTRL_STATE_MASK,
	},

	[MSIX_CAP / 4] = {
		.reset	= (MDEVSIM_MAX_VECTORS - 1) << 16 | EXP_CAP << 8 | PCI_CAP_ID_MSIX,
		.rw	= (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) << 16,
	},
	[(MSIX_CAP + PCI_MSIX_TABLE) / 4] = { .reset = MDEVSIM_BAR0_MSIX_TABLE },
	[(MSIX_CAP + PCI_MSIX_PBA) / 4] = { .reset = MDEVSIM_BAR0_MSIX_PBA },

	[EXP_CAP / 4] = {
		.reset	= (2 | PCI_EXP_TYPE_ENDPOINT << 4) << 16 | PCI_CAP_ID_EXP,
	},
	[(EXP_CAP + PCI_EXP_DEVCAP) / 4] = {
		.reset	= PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR,
	},
	[(EXP_CAP + PCI_EXP_DEVCTL) / 4] = {
		.reset	= PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
			  PCI_EXP_DEVCTL_READRQ_512B,
		.rw	= EXP_CONTROL_RW,
		.w1c	= EXP_STATUS_W1C << 16,
	},
	[(EXP_CAP + PCI_EXP_LNKCAP) / 4] = {
		.reset	= PCI_EXP_LNKCAP_SLS_8_0GB | 4 << 4,
	},
	[(EXP_CAP + PCI_EXP_LNKCTL) / 4] = {
		.reset	= (PCI_EXP_LNKSTA_CLS_8_0GB | PCI_EXP_LNKSTA_NLW_X4) << 16,
		.rw	= LINK_CONTROL_RW,
	},
	[(EXP_CAP + PCI_EXP_LNKCAP2) / 4] = {
		.reset	= PCI_EXP_LNKCAP2_SLS_2_5GB | PCI_EXP_LNKCAP2_SLS_5_0GB |
			  PCI_EXP_LNKCAP2_SLS_8_0GB,
	},
	[(EXP_CAP + PCI_EXP_LNKCTL2) / 4] = {
		.reset	= PCI_EXP_LNKCTL2_TLS_8_0GT,
		.rw	= PCI_EXP_LNKCTL2_TLS,
	},
};

static_assert(sizeof(struct mdevsim_state_pci_config) == sizeof(config_registers) / 3);
static_assert(offsetof(struct mdevsim_state_pci_config, pm_header) == PM_CAP);
static_assert(offsetof(struct mdevsim_state_pci_config, msix_header) == MSIX_CAP);
static_assert(offsetof(struct mdevsim_state_pci_config, exp_header) == EXP_CAP);
static_assert(offsetof(struct mdevsim_state_pci_config, exp_link_capabilities2) ==
	      EXP_CAP + PCI_EXP_LNKCAP2);

/* Bits that the device itself changes: the stream may hold either value. */
#define COMMAND_DEVICE	(PCI_STATUS_INTERRUPT << 16)

#define FLR_REGISTER	((EXP_CAP + PCI_EXP_DEVCTL) / 4)

void mdevsim_pci_config_reset(struct mdevsim_pci_config *config)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(config->words); i++)
		config->words[i] = config_registers[i].reset;
}

static u32 width_mask(unsigned int width)
{
	return GENMASK(width * 8 - 1, 0);
}

u32 mdevsim_pci_config_read(const struct mdevsim_pci_config *config, u32 offset,
			    unsigned int width)
{
	unsigned int shift = offset % 4 * 8;

	if (offset / 4 >= ARRAY_SIZE(config->words))
		return 0;
	return config->words[offset / 4] >> shift & width_mask(width);
}

static unsigned int config_events(unsigned int reg, u32 changed, u32 written)
{
	switch (reg) {
	case PCI_COMMAND / 4:
		return (changed & PCI_COMMAND_MASTER ? MDEVSIM_CONFIG_DMA : 0) |
		       (changed & PCI_COMMAND_INTX_DISABLE ? MDEVSIM_CONFIG_INTX : 0);
	case (PM_CAP + PCI_PM_CTRL) / 4:
		return changed & PCI_PM_CTRL_STATE_MASK ? MDEVSIM_CONFIG_DMA : 0;
	case MSIX_CAP / 4:
		return changed & MSIX_ENABLE ? MDEVSIM_CONFIG_INTX : 0;
	case FLR_REGISTER:
		return written & PCI_EXP_DEVCTL_BCR_FLR ? MDEVSIM_CONFIG_RESET : 0;
	}
	return 0;
}

unsigned int mdevsim_pci_config_write(struct mdevsim_pci_config *config, u32 offset,
				      unsigned int width, u32 value)
{
	unsigned int reg = offset / 4, shift = offset % 4 * 8;
	u32 mask = width_mask(width) << shift;
	u32 written = value << shift & mask;
	u32 old, new;

	if (reg >= ARRAY_SIZE(config->words))
		return 0;
	old = config->words[reg];
	mask &= config_registers[reg].rw;
	new = (old & ~mask) | (written & mask);
	new &= ~(written & config_registers[reg].w1c);
	WRITE_ONCE(config->words[reg], new);
	return config_events(reg, old ^ new, written);
}

static u32 config_get(const struct mdevsim_pci_config *config, u32 offset)
{
	return READ_ONCE(config->words[offset / 4]);
}

bool mdevsim_pci_config_dma(const struct mdevsim_pci_config *config)
{
	return (config_get(config, PCI_COMMAND) & PCI_COMMAND_MASTER) &&
	       !(config_get(config, PM_CAP + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK);
}

bool mdevsim_pci_config_intx(const struct mdevsim_pci_config *config)
{
	return !(config_get(config, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

bool mdevsim_pci_config_msix(const struct mdevsim_pci_config *config)
{
	return config_get(config, MSIX_CAP) & MSIX_ENABLE;
}

void mdevsim_pci_config_intx_status(struct mdevsim_pci_config *config, bool asserted)
{
	u32 *word = &config->words[PCI_COMMAND / 4];

	*word = asserted ? *word | COMMAND_DEVICE : *word & ~COMMAND_DEVICE;
}

void mdevsim_pci_config_save(const struct mdevsim_pci_config *config,
			     struct mdevsim_state_pci_config *state)
{
	__le32 *words = (__le32 *)state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(config->words); i++)
		words[i] = cpu_to_le32(config->words[i]);
}

int mdevsim_pci_config_check(const struct mdevsim_state_pci_config *state,
			     struct mdevsim_reason *why)
{
	const __le32 *words = (const __le32 *)state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(config_registers); i++) {
		const struct config_register *reg = &config_registers[i];
		u32 fixed = ~(reg->rw | reg->w1c);

		if (i == PCI_COMMAND / 4)
			fixed &= ~COMMAND_DEVICE;
		if ((le32_to_cpu(words[i]) ^ reg->reset) & fixed)
			return mdevsim_refuse(why, -EINVAL,
					      "configuration register %02xh holds %08x, here its constant bits are %08x",
					      i * 4, le32_to_cpu(words[i]), reg->reset & fixed);
	}
	return 0;
}

void mdevsim_pci_config_load(struct mdevsim_pci_config *config,
			     const struct mdevsim_state_pci_config *state)
{
	const __le32 *words = (const __le32 *)state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(config->words); i++)
		config->words[i] = le32_to_cpu(words[i]);
}
