// SPDX-License-Identifier: GPL-2.0
/*
 * CRC-32C, eight bits at a time from a table made on first use.
 */
#include <pthread.h>
#include <linux/crc32.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u	/* 0x1edc6f41 reflected */

static u32 table[256];

static void make_table(void)
{
	u32 byte, crc;
	int bit;

	for (byte = 0; byte < 256; byte++) {
		crc = byte;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ CRC32C_POLYNOMIAL : crc >> 1;
		table[byte] = crc;
	}
}

u32 __crc32c_le(u32 crc, const void *data, size_t length)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const u8 *p = data;

	pthread_once(&once, make_table);
	while (length--)
		crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
	return crc;
}
