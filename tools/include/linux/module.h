/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_MODULE_H
#define TOOLS_LINUX_MODULE_H

#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define MODULE_LICENSE(x)

#endif
