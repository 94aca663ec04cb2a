// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include "debugfs.h"
#include "mdevsim.h"

static struct dentry *vfio_root;

static int state_show(struct seq_file *seq, void *unused)
{
	struct mdevsim_device *device = seq->private;

	seq_printf(seq, "%s\n",
		   mdevsim_migration_state_name(READ_ONCE(device->migration.state)));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int features_show(struct seq_file *seq, void *unused)
{
	const struct vfio_device *vdev = &((struct mdevsim_device *)seq->private)->vdev;

	if (vdev->migration_flags & VFIO_MIGRATION_STOP_COPY)
		seq_puts(seq, "stop-copy\n");
	if (vdev->migration_flags & VFIO_MIGRATION_P2P)
		seq_puts(seq, "p2p\n");
	if (vdev->migration_flags & VFIO_MIGRATION_PRE_COPY)
		seq_puts(seq, "pre-copy\n");
	if (vdev->log_ops)
		seq_puts(seq, "dirty-tracking\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(features);

void mdevsim_debugfs_add(struct mdevsim_device *device)
{
	struct dentry *migration;

	if (!MDEVSIM_MAKES_DEBUGFS)
		return;
	device->debugfs = debugfs_create_dir(device->name, vfio_root);
	migration = debugfs_create_dir("migration", device->debugfs);
	debugfs_create_file("state", 0444, migration, device, &state_fops);
	debugfs_create_file("features", 0444, migration, device, &features_fops);
}

void mdevsim_debugfs_remove(struct mdevsim_device *device)
{
	debugfs_remove(device->debugfs);
}

void mdevsim_debugfs_init(void)
{
	if (MDEVSIM_MAKES_DEBUGFS)
		vfio_root = debugfs_create_dir("vfio", NULL);
}

void mdevsim_debugfs_exit(void)
{
	debugfs_remove(vfio_root);
}
