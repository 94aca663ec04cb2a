// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space against a list of fields, each with what PCI says of its bits.
 */
#include <errno.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/pci_regs.h>
#include "../../driver/pci_config.h"
#include "ktap.h"
#include "random.h"

#define BYTES	256

/**
 * struct field - one field of configuration space
 * @offset: first byte
 * @width: bytes
 * @reset: value after reset
 * @rw: bits that can be written
 * @w1c: bits that are cleared by writing 1
 */
struct field {
	u8 offset;
	u8 width;
	u32 reset;
	u32 rw;
	u32 w1c;
};

/* Whatever is not listed is zero and stays so. */
static const struct field fields[] = {
	{ 0x00, 2, MDEVSIM_PCI_VENDOR },
	{ 0x02, 2, MDEVSIM_PCI_DEVICE },
	/* Command: no I/O space; memory, master, parity, SERR#, INTx disable */
	{ 0x04, 2, 0, 0x0546 },
	/* Status: capabilities list */
	{ 0x06, 2, 0x0010 },
	{ 0x08, 1, 1 },
	{ 0x09, 1, 0x02 },
	{ 0x0a, 1, 0x08 },
	{ 0x0b, 1, 0x01 },
	{ 0x0c, 1, 0, 0xff },
	/* BAR 0 and 1: 64-bit memory, 16 KiB */
	{ 0x10, 4, 0x4, 0xffffc000 },
	{ 0x14, 4, 0, 0xffffffff },
	{ 0x2c, 2, MDEVSIM_PCI_VENDOR },
	{ 0x2e, 2, 0x0001 },
	{ 0x34, 1, 0x40 },
	{ 0x3c, 1, 0, 0xff },
	{ 0x3d, 1, 1 },
	/* Power Management, version 3; no soft reset; power state */
	{ 0x40, 2, 0x4801 },
	{ 0x42, 2, 0x0003 },
	{ 0x44, 2, 0x0008, 0x0003 },
	/* MSI-X: 64 vectors; enable and function mask */
	{ 0x48, 2, 0x6011 },
	{ 0x4a, 2, 63, 0xc000 },
	{ 0x4c, 4, 0x2000 },
	{ 0x50, 4, 0x3000 },
	/* PCI Express endpoint, version 2; role-based errors, FLR */
	{ 0x60, 2, 0x0010 },
	{ 0x62, 2, 0x0002 },
	{ 0x64, 4, 0x10008000 },
	{ 0x68, 2, 0x2810, 0x78ff },
	{ 0x6a, 2, 0, 0, 0x000f },
	{ 0x6c, 4, 0x43 },
	{ 0x70, 2, 0, 0x00cb },
	{ 0x72, 2, 0x0043 },
	{ 0x8c, 4, 0x0e },
	{ 0x90, 2, 0x0003, 0x000f },
};

/**
 * struct byte - what is expected of one byte
 */
struct byte {
	u8 reset, rw, w1c;
};

static struct byte bytes[BYTES];
static struct mdevsim_pci_config config;

static void expand_fields(void)
{
	size_t i;
	int b;

	memset(bytes, 0, sizeof(bytes));
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		for (b = 0; b < fields[i].width; b++) {
			bytes[fields[i].offset + b] = (struct byte) {
				.reset	= fields[i].reset >> b * 8,
				.rw	= fields[i].rw >> b * 8,
				.w1c	= fields[i].w1c >> b * 8,
			};
		}
	}
}

static u32 read_config(u32 offset, unsigned int width)
{
	return mdevsim_pci_config_read(&config, offset, width);
}

static unsigned int write_config(u32 offset, unsigned int width, u32 value)
{
	return mdevsim_pci_config_write(&config, offset, width, value);
}

static void start(void)
{
	expand_fields();
	mdevsim_pci_config_reset(&config);
}

static void reset_values_are_as_listed(void)
{
	u32 offset;

	start();
	for (offset = 0; offset < BYTES; offset++)
		EXPECT_MSG(read_config(offset, 1) == bytes[offset].reset,
			   "byte %02xh resets to %02x, not %02x", offset, read_config(offset, 1),
			   bytes[offset].reset);
	/* also after everything was changed */
	for (offset = 0; offset < BYTES; offset++)
		write_config(offset, 1, 0xff);
	mdevsim_pci_config_reset(&config);
	for (offset = 0; offset < BYTES; offset++)
		EXPECT_EQ(read_config(offset, 1), bytes[offset].reset);
}

static void wide_reads_are_made_of_bytes(void)
{
	u32 offset;

	start();
	for (offset = 0; offset < BYTES; offset += 2)
		EXPECT_EQ(read_config(offset, 2),
			  bytes[offset].reset | bytes[offset + 1].reset << 8);
	for (offset = 0; offset < BYTES; offset += 4)
		EXPECT_EQ(read_config(offset, 4),
			  read_config(offset, 2) | read_config(offset + 2, 2) << 16);
}

static void the_extended_part_is_empty(void)
{
	u32 offset;

	start();
	for (offset = BYTES; offset < MDEVSIM_CONFIG_SIZE; offset += 4) {
		EXPECT_EQ(write_config(offset, 4, ~0U), 0);
		EXPECT_EQ(read_config(offset, 4), 0);
		EXPECT_EQ(read_config(offset + 3, 1), 0);
	}
}

/* The only bits of a byte that take a value are those listed; nothing else changes. */
static void each_byte_takes_what_it_may(void)
{
	static const u8 values[] = { 0xff, 0x00, 0x55, 0xaa, 0x00 };
	u32 offset, other;
	size_t i;
	u8 model;

	for (offset = 0; offset < BYTES; offset++) {
		start();
		model = bytes[offset].reset;
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			write_config(offset, 1, values[i]);
			model = (model & ~bytes[offset].rw) | (values[i] & bytes[offset].rw);
			EXPECT_MSG(read_config(offset, 1) == model, "byte %02xh: %02x, not %02x",
				   offset, read_config(offset, 1), model);
		}
		for (other = 0; other < BYTES; other++)
			if (other != offset)
				EXPECT_EQ(read_config(other, 1), bytes[other].reset);
	}
}

static void random_writes_agree_with_bytes(void)
{
	u8 model[BYTES];
	u64 seed = 1;
	u32 offset, value, i, b;
	unsigned int width;

	start();
	for (i = 0; i < BYTES; i++)
		model[i] = bytes[i].reset;
	for (i = 0; i < 200000; i++) {
		width = 1U << random_below(&seed, 3);
		offset = random_below(&seed, BYTES / width) * width;
		value = random_next(&seed);
		write_config(offset, width, value);
		for (b = 0; b < width; b++, value >>= 8) {
			struct byte *byte = &bytes[offset + b];

			model[offset + b] = (model[offset + b] & ~byte->rw) | (value & byte->rw);
			model[offset + b] &= ~(value & byte->w1c);
		}
		for (b = 0; b < width; b++)
			EXPECT_EQ(read_config(offset + b, 1), model[offset + b]);
	}
}

/* Status bits are set by the device, so a stream that has them set is loaded. */
static void errors_are_cleared_by_writing_one(void)
{
	struct mdevsim_state_pci_config state;
	struct mdevsim_reason why = {};

	start();
	mdevsim_pci_config_save(&config, &state);
	state.exp_device_status = cpu_to_le16(0x000f);
	EXPECT_EQ(mdevsim_pci_config_check(&state, &why), 0);
	mdevsim_pci_config_load(&config, &state);
	EXPECT_EQ(read_config(0x6a, 2), 0x000f);
	write_config(0x6a, 2, 0x0005);
	EXPECT_EQ(read_config(0x6a, 2), 0x000a);
	/* the half beside it does not touch it */
	write_config(0x68, 2, 0xffff);
	EXPECT_EQ(read_config(0x6a, 2), 0x000a);
	write_config(0x68, 4, ~0U);
	EXPECT_EQ(read_config(0x6a, 2), 0);
}

static void a_bar_tells_its_size(void)
{
	u64 bar;

	start();
	write_config(0x10, 4, ~0U);
	write_config(0x14, 4, ~0U);
	bar = read_config(0x10, 4) | (u64)read_config(0x14, 4) << 32;
	EXPECT_EQ(bar & 0xf, PCI_BASE_ADDRESS_MEM_TYPE_64);
	EXPECT_EQ(~(bar & ~0xfULL) + 1, MDEVSIM_BAR0_SIZE);
	write_config(0x10, 4, 0xfebd1234);
	EXPECT_EQ(read_config(0x10, 4), 0xfebd0004);
	for (u32 offset = 0x18; offset < 0x28; offset += 4) {
		write_config(offset, 4, ~0U);
		EXPECT_EQ(read_config(offset, 4), 0);
	}
	/* no expansion ROM */
	write_config(0x30, 4, ~0U);
	EXPECT_EQ(read_config(0x30, 4), 0);
}

static void capabilities_are_a_chain(void)
{
	static const u8 expected[] = { PCI_CAP_ID_PM, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP };
	u8 at;
	size_t i;

	start();
	EXPECT(read_config(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	at = read_config(PCI_CAPABILITY_LIST, 1);
	for (i = 0; i < ARRAY_SIZE(expected) && at; i++) {
		EXPECT(at >= 0x40 && at % 4 == 0);
		EXPECT_EQ(read_config(at + PCI_CAP_LIST_ID, 1), expected[i]);
		at = read_config(at + PCI_CAP_LIST_NEXT, 1);
	}
	EXPECT_EQ(i, ARRAY_SIZE(expected));
	EXPECT_EQ(at, 0);
}

static void msix_structures_lie_in_the_bar(void)
{
	u32 table, pba, entries;

	start();
	entries = (read_config(0x4a, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	table = read_config(0x4c, 4);
	pba = read_config(0x50, 4);
	EXPECT_EQ(entries, MDEVSIM_MAX_VECTORS);
	EXPECT_EQ(table & PCI_MSIX_TABLE_BIR, 0);
	EXPECT_EQ(pba & PCI_MSIX_PBA_BIR, 0);
	EXPECT(table + entries * PCI_MSIX_ENTRY_SIZE <= pba);
	EXPECT(pba + (entries + 7) / 8 <= MDEVSIM_BAR0_SIZE);
}

static void writes_tell_what_they_set_going(void)
{
	start();
	EXPECT(!mdevsim_pci_config_dma(&config));
	EXPECT_EQ(write_config(0x04, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY),
		  MDEVSIM_CONFIG_DMA);
	EXPECT(mdevsim_pci_config_dma(&config));
	EXPECT_EQ(write_config(0x04, 2, PCI_COMMAND_MASTER), 0);
	EXPECT_EQ(write_config(0x44, 2, 3), MDEVSIM_CONFIG_DMA);
	EXPECT(!mdevsim_pci_config_dma(&config));
	EXPECT_EQ(write_config(0x44, 2, 0), MDEVSIM_CONFIG_DMA);
	EXPECT(mdevsim_pci_config_dma(&config));

	EXPECT(mdevsim_pci_config_intx(&config));
	EXPECT_EQ(write_config(0x05, 1, PCI_COMMAND_INTX_DISABLE >> 8), MDEVSIM_CONFIG_INTX);
	EXPECT(!mdevsim_pci_config_intx(&config));
	EXPECT(mdevsim_pci_config_dma(&config));
	EXPECT_EQ(write_config(0x04, 2, 0), MDEVSIM_CONFIG_INTX | MDEVSIM_CONFIG_DMA);

	EXPECT(!mdevsim_pci_config_msix(&config));
	EXPECT_EQ(write_config(0x4a, 2, PCI_MSIX_FLAGS_ENABLE), MDEVSIM_CONFIG_INTX);
	EXPECT(mdevsim_pci_config_msix(&config));
	EXPECT_EQ(write_config(0x4a, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL), 0);

	EXPECT_EQ(write_config(0x68, 2, PCI_EXP_DEVCTL_BCR_FLR), MDEVSIM_CONFIG_RESET);
	EXPECT_EQ(read_config(0x68, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	EXPECT_EQ(write_config(0x69, 1, PCI_EXP_DEVCTL_BCR_FLR >> 8), MDEVSIM_CONFIG_RESET);
	EXPECT_EQ(write_config(0x6a, 2, 0x8000), 0);
}

static void interrupt_status_is_the_devices(void)
{
	start();
	mdevsim_pci_config_intx_status(&config, true);
	EXPECT_EQ(read_config(0x06, 2), PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	write_config(0x06, 2, 0xffff);
	EXPECT_EQ(read_config(0x06, 2), PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	mdevsim_pci_config_intx_status(&config, false);
	EXPECT_EQ(read_config(0x06, 2), PCI_STATUS_CAP_LIST);
}

static void what_is_saved_is_loaded(void)
{
	struct mdevsim_state_pci_config state;
	struct mdevsim_reason why = {};
	u64 seed = 2;
	u8 saved[BYTES];
	u32 i;

	start();
	for (i = 0; i < 1000; i++)
		write_config(random_below(&seed, BYTES), 1, random_next(&seed));
	mdevsim_pci_config_intx_status(&config, true);
	for (i = 0; i < BYTES; i++)
		saved[i] = read_config(i, 1);
	mdevsim_pci_config_save(&config, &state);
	EXPECT(!memcmp(&state, saved, BYTES));
	EXPECT_MSG(mdevsim_pci_config_check(&state, &why) == 0, "%s", why.text);
	mdevsim_pci_config_reset(&config);
	mdevsim_pci_config_load(&config, &state);
	for (i = 0; i < BYTES; i++)
		EXPECT_EQ(read_config(i, 1), saved[i]);
}

/* A stream may hold what software could have written, or the device set, and nothing else. */
static void what_no_device_could_hold_is_refused(void)
{
	struct mdevsim_state_pci_config state;
	u8 *image = (u8 *)&state;
	struct mdevsim_reason why;
	u32 bit, offset;
	bool may;

	start();
	mdevsim_pci_config_save(&config, &state);
	for (bit = 0; bit < BYTES * 8; bit++) {
		offset = bit / 8;
		may = (bytes[offset].rw | bytes[offset].w1c) >> bit % 8 & 1;
		may |= offset == PCI_STATUS && 1 << bit % 8 == PCI_STATUS_INTERRUPT;
		why.text[0] = 0;
		image[offset] ^= 1 << bit % 8;
		EXPECT_MSG(mdevsim_pci_config_check(&state, &why) == (may ? 0 : -EINVAL),
			   "bit %u of byte %02xh", bit % 8, offset);
		EXPECT(!why.text[0] == may);
		image[offset] ^= 1 << bit % 8;
	}
}

static const struct ktap_test tests[] = {
	KTAP_TEST(reset_values_are_as_listed),
	KTAP_TEST(wide_reads_are_made_of_bytes),
	KTAP_TEST(the_extended_part_is_empty),
	KTAP_TEST(each_byte_takes_what_it_may),
	KTAP_TEST(random_writes_agree_with_bytes),
	KTAP_TEST(errors_are_cleared_by_writing_one),
	KTAP_TEST(a_bar_tells_its_size),
	KTAP_TEST(capabilities_are_a_chain),
	KTAP_TEST(msix_structures_lie_in_the_bar),
	KTAP_TEST(writes_tell_what_they_set_going),
	KTAP_TEST(interrupt_status_is_the_devices),
	KTAP_TEST(what_is_saved_is_loaded),
	KTAP_TEST(what_no_device_could_hold_is_refused),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
