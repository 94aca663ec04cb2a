/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_IRQ_H
#define MDEVSIM_IRQ_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/mdevsim_state.h>
#include "function.h"

struct eventfd_ctx;
struct mdevsim_device;
struct vfio_irq_info;
struct vfio_irq_set;
struct virqfd;

/**
 * struct mdevsim_irq - interrupts of one device and the eventfds they go to
 * @setup: serialises VFIO_DEVICE_SET_IRQS; protects who owns the eventfds
 * @lock: leaf; protects what follows against interrupts being raised
 * @intx: eventfd of INTx
 * @msix: eventfds of MSI-X
 * @error: eventfd for errors of the link, of which there are none but those a user asks for
 * @request: eventfd by which a user is asked to let go of the device
 * @unmask: eventfd that unmasks INTx
 * @held: the device is quiet: what becomes due is kept until it runs again
 * @intx_level: the function asserts the pin
 * @intx_masked: by the user, or automatically when INTx was signalled
 * @msix_pending: messages raised while no eventfd was there to take them
 * @msix_table: the MSI-X table; software may keep it here, messages do not go by it
 */
struct mdevsim_irq {
	struct mutex setup;
	spinlock_t lock;
	struct eventfd_ctx *intx;
	struct eventfd_ctx *msix[MDEVSIM_MAX_VECTORS];
	struct eventfd_ctx *error;
	struct eventfd_ctx *request;
	struct virqfd *unmask;
	bool held;
	bool intx_level;
	bool intx_masked;
	u64 msix_pending;
	struct mdevsim_state_msix_entry msix_table[MDEVSIM_MAX_VECTORS];
};

void mdevsim_irq_init(struct mdevsim_irq *irq);

/** mdevsim_irq_reset - pin, pending bits and table as after a reset; eventfds stay */
void mdevsim_irq_reset(struct mdevsim_irq *irq);

/** mdevsim_irq_detach - let go of all eventfds */
void mdevsim_irq_detach(struct mdevsim_irq *irq);

/** mdevsim_irq_evaluate - something changed that INTx depends on: signal it if it is due */
void mdevsim_irq_evaluate(struct mdevsim_irq *irq);

/** mdevsim_irq_hold - send nothing but what a user triggers himself */
void mdevsim_irq_hold(struct mdevsim_irq *irq);

/** mdevsim_irq_release - ends mdevsim_irq_hold(): send what became due, here or at the source */
void mdevsim_irq_release(struct mdevsim_irq *irq);

/** mdevsim_irq_ask_release - tell the user that the device is wanted back */
void mdevsim_irq_ask_release(struct mdevsim_irq *irq);

/** mdevsim_irq_info - VFIO_DEVICE_GET_IRQ_INFO; -EINVAL past the last index */
int mdevsim_irq_info(struct vfio_irq_info *info);

/** mdevsim_irq_set - VFIO_DEVICE_SET_IRQS, its arguments checked against mdevsim_irq_info() */
int mdevsim_irq_set(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr, const void *data);

/** mdevsim_irq_table_read - MSI-X table and pending bits, BAR 0 from MDEVSIM_BAR0_MSIX_TABLE on */
u64 mdevsim_irq_table_read(struct mdevsim_irq *irq, u32 offset, unsigned int width);
void mdevsim_irq_table_write(struct mdevsim_irq *irq, u32 offset, unsigned int width, u64 value);

/** mdevsim_irq_state_ops - the IRQ record */
extern const struct mdevsim_state_ops mdevsim_irq_state_ops;

#endif /* MDEVSIM_IRQ_H */
